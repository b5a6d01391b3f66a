import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A connection between farmer and node that can fail. */
export interface TcpProxy extends AsyncDisposable {
  readonly url: string;
  /** While offline, connections are reset. */
  setOffline(yes: boolean): void;
  /** Delays what the farmer sends. */
  delay(ms: number): void;
}

/** Starts a TCP proxy on loopback in front of a node. */
export async function startTcpProxy(nodeUrl: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(nodeUrl);
  const sockets = new Set<Socket>();
  let offline = false;
  let delayMs = 0;
  const server = createServer((farmer) => {
    if (offline) {
      farmer.resetAndDestroy();
      return;
    }
    const node = connect(Number(port), hostname);
    for (const socket of [farmer, node]) {
      sockets.add(socket);
      // If one end fails or closes, so does the other.
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
    setOffline(isOffline) {
      offline = isOffline;
      if (isOffline) for (const socket of sockets) socket.resetAndDestroy();
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
