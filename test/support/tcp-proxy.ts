import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A network between farmer and node that can fail. */
export interface TcpProxy extends AsyncDisposable {
  readonly url: string;
  /** While offline, connections are reset. */
  setOffline(yes: boolean): void;
  /** Delays what the farmer sends. */
  delay(ms: number): void;
  /** Discards everything on the open connections without closing them. New connections work. */
  silenceOpenConnections(): void;
  /** Resets each open connection when the farmer sends on it. New connections work. */
  resetOpenConnectionsOnUse(): void;
  /** While silent, discards everything on all connections without closing them. */
  setSilent(yes: boolean): void;
}

/** Starts a TCP proxy on loopback in front of a node. */
export async function startTcpProxy(nodeUrl: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(nodeUrl);
  const links = new Set<Link>();
  let isOffline = false;
  let isSilent = false;
  let delayMs = 0;
  const server = createServer((farmer) => {
    if (isOffline) {
      farmer.resetAndDestroy();
      return;
    }
    const link = new Link(farmer, connect(Number(port), hostname), () => delayMs);
    if (isSilent) link.mode = 'silent';
    links.add(link);
    farmer.on('close', () => links.delete(link));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const setMode = (mode: Mode) => {
    for (const link of links) link.mode = mode;
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    setOffline(yes) {
      isOffline = yes;
      if (yes) for (const link of links) link.reset();
    },
    delay(ms) {
      delayMs = ms;
    },
    silenceOpenConnections: () => setMode('silent'),
    resetOpenConnectionsOnUse: () => setMode('resets'),
    setSilent(yes) {
      isSilent = yes;
      if (yes) setMode('silent');
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const link of links) link.destroy();
    },
  };
}

type Mode = 'open' | 'silent' | 'resets';

/** One connection of the farmer and the one that forwards it. */
class Link {
  readonly #farmer: Socket;
  readonly #node: Socket;
  mode: Mode = 'open';

  constructor(farmer: Socket, node: Socket, delayMs: () => number) {
    this.#farmer = farmer;
    this.#node = node;
    farmer.on('data', (bytes) => {
      if (this.mode === 'resets') this.reset();
      else if (this.mode === 'open') setTimeout(() => node.write(bytes), delayMs());
    });
    node.on('data', (bytes) => {
      if (this.mode !== 'silent') farmer.write(bytes);
    });
    for (const socket of [farmer, node]) socket.on('error', () => undefined);
    farmer.on('close', () => node.destroy());
    node.on('close', () => {
      if (this.mode !== 'silent') farmer.destroy();
    });
  }

  reset(): void {
    this.#farmer.resetAndDestroy();
    this.#node.resetAndDestroy();
  }

  destroy(): void {
    this.#farmer.destroy();
    this.#node.destroy();
  }
}
