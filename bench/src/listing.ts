import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { createLogger, systemClock, systemRandom } from '@downstream/platform';
import { CapacityShares } from '../../farmer/src/farming/capacity-shares.ts';
import { ContractTable } from '../../farmer/src/farming/contract-table.ts';
import { ContractTables } from '../../farmer/src/farming/contract-tables.ts';
import { Farmer } from '../../farmer/src/farming/farmer.ts';
import type { ChunkPort, NodePort, TagPort } from '../../farmer/src/farming/ports.ts';
import { FarmerMetrics } from '../../farmer/src/metrics/metrics.ts';
import { NodeHttp } from '../../farmer/src/node/node-http.ts';
import { PrototypeNode } from '../../farmer/src/node/prototype-node.ts';
import type { NodeStore } from '../../farmer/src/state/node-store.ts';
import { StateStore } from '../../farmer/src/state/state-store.ts';
import { EventLoopStops } from './event-loop-stops.ts';
import { createResult, type Result } from './result.ts';
import { waitUntil } from './services.ts';

const CONTRACTS = 20_000;
const INTERVAL_MS = 3_600_000;
const MAX_STOP_MS = 20;
const WAIT = { timeoutMs: 60_000, pollMs: 20 };
const ALIAS = 'node';

/**
 * The longest stop of the event loop while a farmer receives listings of 20,000 contracts, over HTTP and with its state
 * on disk. Proofs take no time and answers never return, so that all that remains is the effect of the listing: first
 * each contract gets a challenge, then another one, so that each round is stored as failed.
 */
export async function measureListing(folder: string): Promise<Result[]> {
  const ids = Array.from({ length: CONTRACTS }, (_, n) => createHash('sha256').update(String(n)).digest('hex'));
  const server = new Worker(new URL('./listing-server.ts', import.meta.url), { workerData: ids });
  const [port] = await once(server, 'message');
  const url = `http://127.0.0.1:${port}`;
  const state = StateStore.open(folder, { journalSize: 10_000 }, systemClock);
  const [store] = state.claim({ address: 'address', nodes: [{ url }] }, { nodeMoved: false });
  if (store === undefined) throw new Error('the state has a node');
  const http = new NodeHttp(url);
  try {
    fill(store, ids);
    const { farmer, contracts } = createFarmer({ store, state, http });
    farmer.start(
      () => true,
      (error) => console.error(error),
    );
    using stops = new EventLoopStops();
    await waitUntil('challenges', WAIT, async () => contracts.phases.waiting === 0);
    await sleep(3_000);
    const challenged = stops.takeLongestMs();
    server.postMessage('next');
    await waitUntil('failures', WAIT, async () => contracts.tally.node_error + contracts.tally.missed >= CONTRACTS);
    await sleep(3_000);
    const failed = stops.takeLongestMs();
    await farmer.stop();
    return [
      createResult('listing-20000', challenged, 'ms', MAX_STOP_MS, { max: 1 }),
      // Includes writes to the state, which the disk may delay.
      createResult('listing-20000-all-failed', failed, 'ms', MAX_STOP_MS),
    ];
  } finally {
    http.close();
    state.close();
    await server.terminate();
  }
}

/** Stores contracts whose first round has just begun. */
function fill(store: NodeStore, ids: readonly string[]): void {
  store.saveToken('a1b2c3d4e5f60718293a4b5c6d7e8f90');
  const now = systemClock.now();
  for (const id of ids) {
    store.insert({
      terms: {
        id,
        reference: id,
        source: { kind: 'secret', secret: id },
        sizeBytes: 1,
        proof: 'digest',
        intervalMs: INTERVAL_MS,
        acceptedAt: now,
      },
      round: { number: 0, issuedAt: now },
      hadChunk: true,
    });
  }
}

function createFarmer({ store, state, http }: { store: NodeStore; state: StateStore; http: NodeHttp }) {
  const clock = systemClock;
  const stream = new Writable({ write: (_line, _encoding, done) => done() });
  const log = createLogger({ level: 'info', format: 'json', stream });
  const metrics = new FarmerMetrics(
    { build: { version: 'bench', commit: 'unknown' }, nodes: [ALIAS], disks: [] },
    { clock, log },
  );
  const outcomes = metrics.node(ALIAS);
  const contracts = ContractTable.load({ chunkBytes: 1 }, { store, outcomes, clock, log });
  const chunks: ChunkPort = {
    create: async () => {},
    prove: (requests) =>
      requests.map(async () => await new Promise((resolve) => setImmediate(() => resolve({ response: 'response' })))),
    verify: async () => {},
    remove: async () => {},
  };
  const tags: TagPort = { save: async () => [], remove: () => {} };
  const prototype = new PrototypeNode(http);
  const node: NodePort = {
    traits: prototype.traits,
    register: async () => 'token',
    requestContracts: async () => [],
    listContracts: async (token, options) => await prototype.listContracts(token, options),
    answer: async () => await new Promise(() => {}),
    release: async () => {},
  };
  const farmer = new Farmer(
    { workers: 2, address: 'address', pollIntervalMs: 1_000 },
    {
      nodes: [
        {
          ...{ alias: ALIAS, node, chunks, tags, contracts, outcomes, log },
          circuit: { retryAfterMs: undefined },
          tokens: store,
          exitStore: store,
          clockStore: store,
          nodeClock: { ahead: undefined },
        },
      ],
      contracts: new ContractTables([contracts]),
      capacity: new CapacityShares([CONTRACTS], [{ share: 1, node, contracts, exitStore: store }]),
      chunks,
      freeSpace: { availableBytes: () => 0 },
      scrubs: state,
      onScrubResult: () => {},
      clock,
      random: systemRandom,
      log,
    },
  );
  return { farmer, contracts };
}
