import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { RouteName } from '@downstream/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createNodeDownloads } from '../../src/chunks/chunk-download.ts';
import { ChunkFiles } from '../../src/chunks/chunk-files.ts';
import { ChunkStore } from '../../src/chunks/chunk-store.ts';
import { createSingleFolder } from '../../src/chunks/single-folder.ts';
import { WorkerPool } from '../../src/chunks/worker-pool.ts';
import { ChunkError, NodeError } from '../../src/farming/errors.ts';
import type { ChunkPort } from '../../src/farming/ports.ts';
import { detectApi } from '../../src/node/detect-api.ts';
import { NodeHttp } from '../../src/node/node-http.ts';
import { OwnershipNode } from '../../src/node/ownership-node.ts';
import { PrototypeNode } from '../../src/node/prototype-node.ts';
import { V1Node } from '../../src/node/v1-node.ts';

const CONCURRENCY = 24;
const TOKEN = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const ID = /^[0-9a-f]{64}$/;
const HASH = '05ec'.padEnd(64, '0');
const GENESIS = Buffer.alloc(64, 'genesis');
const ANSWER = { id: HASH, reference: HASH, response: HASH };
const CHUNK = { id: HASH, sizeBytes: GENESIS.length, proof: 'digest' } as const;
// To repeat a failed run, set FUZZ_SEED.
const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

let root: string;
let server: Worker;
let http: NodeHttp;
let pool: WorkerPool;
let chunks: ChunkPort;
let url: string;
let rssBefore: number;
beforeAll(async () => {
  rssBefore = process.memoryUsage().rss;
  root = mkdtempSync(join(tmpdir(), 'fuzz-'));
  server = new Worker(new URL('../fakes/fuzz-server.ts', import.meta.url), { workerData: { seed } });
  const [port] = await once(server, 'message');
  url = `http://127.0.0.1:${port}`;
  http = new NodeHttp(url);
  pool = new WorkerPool({ workers: 1 });
  const path = join(root, 'genesis');
  writeFileSync(path, GENESIS);
  const files = new ChunkFiles(join(root, 'data', 'chunks'));
  await files.create();
  const genesis = { path, sha256: createHash('sha256').update(GENESIS).digest('hex'), size: GENESIS.length };
  const store = new ChunkStore({ genesis }, { locations: createSingleFolder(files), pool });
  chunks = store.forNode(createNodeDownloads({ nodeUrl: url, trustedOrigins: [] }, http));
});
afterAll(async () => {
  http.close();
  await pool.close();
  await server.terminate();
  rmSync(root, { recursive: true });
});

/** Routes that farmers request. */
type FarmerRoute = Exclude<RouteName, `v1_status_${string}`>;

/**
 * One call per route; contracts are followed up by downloading or generating their chunk. Checked with `assert`, which
 * costs less than `expect` in thousands of calls.
 */
const CALLS: Record<FarmerRoute, () => Promise<unknown>> = {
  connectivity: async () => await node().register('address'),
  new: async () => await node().register('address'),
  chunk: async () => {
    const [offer] = await node().requestContracts(TOKEN);
    if (offer === undefined) return;
    assert.match(offer.id, ID);
    assert(offer.intervalMs > 0);
    await chunks.create({ ...CHUNK, ...offer, sizeBytes: GENESIS.length }, { timeoutMs: 5_000 });
  },
  due: async () => {
    const { held, open } = await node().listContracts(TOKEN);
    for (const id of [...held, ...open.keys()]) assert.match(id, ID);
  },
  challenge: async () => assert.match(String(await node().answer(TOKEN, [ANSWER])), /^(passed|failed)$/),
  remove: async () => await node().release(TOKEN, { id: HASH }),
  download: async () =>
    await chunks.create({ ...CHUNK, source: { kind: 'url', url: `${url}/api/downstream/download/${HASH}` } }),
  challenges: async () => {
    for (const { block } of await ownership().listChallenges('file')) assert(block >= 0);
  },
  answer: async () => {
    const matches = await ownership().answer('file', { block: 1, seed: 's', response: HASH });
    assert(matches === undefined || typeof matches === 'boolean');
  },
  v1_root: async () => assert.match(await detectApi(http), /^(prototype|v1)$/),
  v1_new: async () => assert.match(await v1Node().register('address'), /^[\w-]{8,}$/),
  v1_heartbeat: async () => await v1Node().listContracts(TOKEN, { asked: [] }),
  v1_chunk: async () => {
    const offers = await v1Node().requestContracts(TOKEN, { maxBytes: V1_BYTES });
    assert(offers.length <= 10);
    assert(offers.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0) <= V1_BYTES);
    for (const { id, intervalMs, challenge } of offers) {
      assert.match(id, ID);
      assert(intervalMs >= 1_000 && Number.isSafeInteger(intervalMs));
      assert(challenge.length <= 2_048);
    }
  },
  v1_challenge: async () => {
    const { held, open, dueInMs = new Map(), completed = [] } = await v1Node().listContracts(TOKEN, { asked: ASKED });
    for (const id of [...held, ...open.keys(), ...dueInMs.keys(), ...completed])
      assert(ASKED.some((asked) => asked.id === id));
    for (const ms of dueInMs.values()) assert(ms >= 0 && Number.isSafeInteger(ms));
  },
  v1_answer: async () => {
    const answers = ASKED.map((contract) => ({ ...contract, response: '{}' }));
    const verdicts = await v1Node().answer(TOKEN, answers);
    assert.equal(verdicts.length, answers.length);
    for (const verdict of verdicts) assert.match(verdict, /^(passed|rejected|ended|unknown)$/);
  },
};
const V1_BYTES = 65_536;
const ASKED = [1, 2, 3, 4].map((reference) => ({ id: String(reference), reference }));
const node = () => new PrototypeNode(http);
const v1Node = () => new V1Node({ url }, { http });
const ownership = () => new OwnershipNode(http);

/** Declares the fuzz tests, each with this many calls. */
export function describeFuzzing(calls: number): void {
  describe(`The farmer's node client with mutated responses (seed ${seed})`, () => {
    it.each(Object.entries(CALLS))(
      `ends each of ${calls} calls of %s with a value or a known error`,
      async (_route, call) => {
        const outcomes: Record<string, number> = {};
        let left = calls;
        const ask = async () => {
          while (left > 0) {
            left -= 1;
            const outcome = await getOutcome(call);
            outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
          }
        };
        await Promise.all(Array.from({ length: CONCURRENCY }, ask));
        expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(calls);
        // The mutation is effective only if some calls succeed and others fail.
        expect(Object.keys(outcomes).length).toBeGreaterThan(1);
        expect(Object.keys(outcomes)).not.toContain('timeout');
      },
      120_000,
    );

    it('does not exhaust the memory', () => {
      expect(process.memoryUsage().rss - rssBefore).toBeLessThan(512 * 1024 * 1024);
    });

    it('writes files only in the data directory, each named by its hash', () => {
      expect(readdirSync(root).sort()).toEqual(['data', 'genesis']);
      const folder = join(root, 'data', 'chunks');
      for (const name of readdirSync(folder)) {
        expect(
          createHash('sha256')
            .update(readFileSync(join(folder, name)))
            .digest('hex'),
        ).toBe(name);
      }
      expect(existsSync('/tmp/fuzzed')).toBe(false);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    });
  });
}

/** @throws errors that callers do not handle */
async function getOutcome(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return 'ok';
  } catch (error) {
    if (!(error instanceof NodeError) && !(error instanceof ChunkError)) throw error;
    assert(!`${error.message} ${JSON.stringify(error.details)}`.includes(TOKEN), 'the error contains the token');
    return error.code;
  }
}
