import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** What stands between the farmer and the node, and can go wrong. */
export interface TcpProxy extends AsyncDisposable {
  readonly url: string;
  /** While it is, connections are reset. */
  setOffline(yes: boolean): void;
  /** Holds back what the farmer sends. */
  delay(ms: number): void;
}

/** A TCP relay on loopback in front of a node: farm through its URL. */
export async function startTcpProxy(nodeUrl: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(nodeUrl);
  const sockets = new Set<Socket>();
  let away = false;
  let delayMs = 0;
  const server = createServer((farmer) => {
    if (away) {
      farmer.resetAndDestroy();
      return;
    }
    const node = connect(Number(port), hostname);
    for (const socket of [farmer, node]) {
      sockets.add(socket);
      // Both ends close together, whatever went wrong with one.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        farmer.destroy();
        node.destroy();
      });
    }
    farmer.on('data', (bytes) => setTimeout(() => node.write(bytes), delayMs));
    node.pipe(farmer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    setOffline(yes) {
      away = yes;
      if (yes) for (const socket of sockets) socket.resetAndDestroy();
    },
    delay(ms) {
      delayMs = ms;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
