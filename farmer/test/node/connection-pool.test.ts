import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { CircuitBreaker } from '../../src/node/circuit-breaker.ts';
import { NodeHttp, type NodeHttpDeps, type StaleConnection } from '../../src/node/node-http.ts';
import { PrototypeNode } from '../../src/node/prototype-node.ts';
import { always, rawServer } from '../fakes/raw-server.ts';

const TOKEN = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const HASH = '05ec'.padEnd(64, '0');
const LISTING = always(JSON.stringify({ all_contracts: [], due_contracts: [] }));
const ANSWER = { id: HASH, reference: HASH, response: 'r' };

/** A server whose open connections can become stale: a request on one is handled by `handleStale`. */
async function startServer(handleStale: RequestListener) {
  const open = new Set<Socket>();
  const stale = new Set<Socket>();
  const counts = { stale: 0 };
  let isBroken = false;
  const waiting: (() => void)[] = [];
  const server = await rawServer((request, response) => {
    open.add(request.socket);
    if (isBroken || stale.has(request.socket)) {
      counts.stale += 1;
      handleStale(request, response);
    } else if (request.url?.includes('/due/')) LISTING(request, response);
    // Answers wait for each other, so that each needs its own connection.
    else waiting.push(() => always('{"status":"pass"}')(request, response));
  });
  return {
    server,
    counts,
    breakNewConnections: () => {
      isBroken = true;
    },
    /** Leaves this many idle connections in the pool of the client, and makes them stale. */
    fillPool: async (node: PrototypeNode, connections: number) => {
      const answers = Array.from({ length: connections }, async () => await node.answer(TOKEN, [ANSWER]));
      while (waiting.length < connections) await new Promise(setImmediate);
      for (const respond of waiting.splice(0)) respond();
      await Promise.all(answers);
      for (const socket of open) stale.add(socket);
    },
  };
}

function connect(url: string, deps: NodeHttpDeps = {}) {
  const events: StaleConnection[] = [];
  const http = new NodeHttp(url, { ...deps, onStaleConnection: (event) => events.push(event) });
  return { http, node: new PrototypeNode(http), events, [Symbol.dispose]: () => http.close() };
}

const HANG: RequestListener = () => {};
const RESET: RequestListener = (request) => void request.socket.resetAndDestroy();

describe('ConnectionPool', () => {
  it.each([
    ['is silent', HANG, 'timeout', 500],
    ['is reset', RESET, 'unreachable', 20_000],
  ] as const)(
    'discards all idle connections after one %s, and a request on a new one succeeds',
    async (_, stale, outcome, timeoutMs) => {
      const { server, counts, fillPool } = await startServer(stale);
      await using _server = server;
      using client = connect(server.url);
      await fillPool(client.node, 11);
      const listings = [1, 2, 3].map(async () => await client.node.listContracts(TOKEN, { timeoutMs }));
      await Promise.all(listings);
      await client.node.listContracts(TOKEN, { timeoutMs });
      expect(counts.stale).toBe(3);
      expect(client.events.map((event) => event.discarded)).toEqual([8, 0, 0]);
      expect(client.events[0]).toMatchObject({ route: 'due', outcome });
    },
  );

  it('does not count stale connections against the node', async () => {
    const { server, fillPool } = await startServer(RESET);
    await using _server = server;
    const clock = new FakeClock();
    const breaker = new CircuitBreaker({ maxPauseMs: () => 60_000 }, { clock, random: { next: () => 0.5 } });
    using client = connect(server.url, { breaker });
    for (let n = 0; n < 6; n++) {
      await fillPool(client.node, 1);
      await client.node.listContracts(TOKEN);
    }
    expect({ events: client.events.length, isOpen: breaker.isOpen }).toEqual({ events: 6, isOpen: false });
  });

  it('does not repeat a request that fails because the client was closed', async () => {
    const { server, counts, fillPool } = await startServer(HANG);
    await using _server = server;
    const client = connect(server.url);
    await fillPool(client.node, 1);
    const listing = client.node.listContracts(TOKEN);
    while (counts.stale === 0) await new Promise(setImmediate);
    client.http.close();
    await expect(listing).rejects.toMatchObject({ code: 'unreachable' });
    expect({ stale: counts.stale, events: client.events.length }).toEqual({ stale: 1, events: 0 });
  });

  it('closes connections in use that are older than the last discarded ones', async () => {
    const { server, counts, fillPool } = await startServer(HANG);
    await using _server = server;
    const client = connect(server.url);
    await fillPool(client.node, 2);
    const pending = client.node.listContracts(TOKEN);
    await client.node.listContracts(TOKEN, { timeoutMs: 200 });
    client.http.close();
    await expect(pending).rejects.toMatchObject({ code: 'unreachable' });
    expect(counts.stale).toBe(2);
  });

  it('repeats a request only once', async () => {
    const { server, counts, fillPool, breakNewConnections } = await startServer(RESET);
    await using _server = server;
    using client = connect(server.url);
    await fillPool(client.node, 1);
    breakNewConnections();
    await expect(client.node.listContracts(TOKEN)).rejects.toMatchObject({ code: 'unreachable' });
    expect({ stale: counts.stale, events: client.events.length }).toEqual({ stale: 2, events: 1 });
  });
});
