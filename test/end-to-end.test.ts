import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { randomio } from '@downstream/file-encryptor';
import { startMockNode } from '@downstream/mock-node';
import { createLogger } from '@downstream/platform';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startFarmer } from '../farmer/src/app.ts';
import { readConfig } from '../farmer/src/config.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const GENESIS = Buffer.concat([...randomio('end to end', 16_384)]);
const SHA256 = createHash('sha256').update(GENESIS).digest('hex');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'end-to-end-'));
  writeFileSync(join(folder, 'genesis'), GENESIS);
});
afterEach(() => rmSync(folder, { recursive: true }));

const genesis = () => ({ genesisPath: join(folder, 'genesis'), genesisSha256: SHA256 });
const aNode = (options = {}) => startMockNode({ port: 0, intervalMs: 1_000, ...genesis(), ...options });

/** A real farmer, all of it, in this process. */
async function aFarmer(nodeUrl: string, env: Record<string, string> = {}) {
  const lines: string[] = [];
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line));
      done();
    },
  });
  const secrets = new Set<string>();
  const config = readConfig({
    env: {
      FARMER_NODE_URL: nodeUrl,
      FARMER_ADDRESS: ADDRESS,
      FARMER_DATA_DIR: join(folder, 'data'),
      FARMER_SIZE: String(5 * GENESIS.length),
      FARMER_GENESIS: join(folder, 'genesis'),
      FARMER_GENESIS_SHA256: SHA256,
      FARMER_HTTP_PORT: '0',
      FARMER_POLL_INTERVAL: '100ms',
      FARMER_WORKERS: '1',
      ...env,
    },
  });
  const log = createLogger({ level: 'debug', format: 'json', stream });
  const app = await startFarmer(config, { log, secrets, onFault: (error) => lines.push(String(error)) });
  const metrics = async () => await (await fetch(`${app.url}/metrics`)).text();
  return { ...app, lines, secrets, metrics };
}

/** Looks again and again until something holds; fails with what was seen last. */
async function until<T>(look: () => T | Promise<T>, holds: (seen: T) => boolean): Promise<T> {
  const end = performance.now() + 20_000;
  for (;;) {
    const seen = await look();
    if (holds(seen)) return seen;
    if (performance.now() > end) throw new Error(`never came true; last seen: ${JSON.stringify(seen)}`);
    await pause(20);
  }
}

describe('a farmer and a node', () => {
  it.each(['secret', 'url'] as const)(
    'farm together with contracts by %s, and nothing secret is told',
    async (contractForm) => {
      const node = await aNode({ contractForm });
      const farmer = await aFarmer(node.url);
      await until(farmer.status, ({ challenges, contracts }) => contracts.waiting === 5 && challenges.passed >= 10);
      expect(farmer.status()).toMatchObject({
        farmerId: expect.stringMatching(/^[0-9a-f]{20}$/),
        challenges: { failed: 0 },
      });
      const metrics = await farmer.metrics();
      const passed = /^farmer_challenges_passed_total (\d+)$/m.exec(metrics)?.[1];
      expect(Number(passed)).toBeGreaterThanOrEqual(10);
      expect(metrics).toContain('farmer_challenges_failed_total{reason="missed"} 0');

      const [token] = farmer.secrets;
      const told = [farmer.lines.join(''), metrics, JSON.stringify(farmer.status())].join('');
      expect(token).toMatch(/^[0-9a-f]{32}$/);
      expect(told).not.toContain(token);
      expect(metrics).not.toContain(ADDRESS);
      expect(await farmer.stop()).toBe(true);
      await node.close();
    },
  );

  it('keep their promises over a restart: same token, nothing made again, files for the owner alone', async () => {
    const node = await aNode();
    const first = await aFarmer(node.url);
    await until(first.status, ({ challenges }) => challenges.passed >= 5);
    const { farmerId } = first.status();
    await first.stop();
    const data = join(folder, 'data');
    const chunks = readdirSync(join(data, 'chunks'));
    expect(chunks).toHaveLength(5);
    expect([data, join(data, 'chunks')].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
    expect(
      [join(data, 'state.db'), join(data, 'chunks', chunks[0] ?? '')].map((path) => statSync(path).mode & 0o777),
    ).toEqual([0o600, 0o600]);

    writeFileSync(join(data, 'chunks', `${'a'.repeat(64)}.1-1.partial`), 'half');
    const second = await aFarmer(node.url);
    await until(second.status, ({ challenges }) => challenges.passed >= 12);
    expect(second.status()).toMatchObject({ farmerId, challenges: { failed: 0 } });
    expect(await second.metrics()).toContain('farmer_chunk_generation_duration_seconds_count 0');
    expect(readdirSync(join(data, 'chunks')).sort()).toEqual(chunks.sort());
    await second.stop();
    await node.close();
  });

  it('that disagree on the genesis file make no contract: all refused, nothing left on disk', async () => {
    const other = Buffer.concat([...randomio('another', 16_384)]);
    writeFileSync(join(folder, 'other'), other);
    const node = await aNode({
      genesisPath: join(folder, 'other'),
      genesisSha256: createHash('sha256').update(other).digest('hex'),
    });
    const farmer = await aFarmer(node.url);
    const metrics = await until(farmer.metrics, (text) => /refused_total\{reason="hash_mismatch"\} [1-9]/.test(text));
    expect(metrics).toContain('farmer_challenges_passed_total 0');
    await farmer.stop();
    expect(readdirSync(join(folder, 'data', 'chunks'))).toEqual([]);
    await node.close();
  });

  it('go on when a chunk rots: it is made again before a wrong answer is sent', async () => {
    const node = await aNode();
    const farmer = await aFarmer(node.url);
    await until(farmer.status, ({ contracts }) => contracts.waiting === 5);
    const chunks = join(farmer.status() ? folder : '', 'data', 'chunks');
    const [name = ''] = readdirSync(chunks);
    const sound = readFileSync(join(chunks, name));
    writeFileSync(
      join(chunks, name),
      sound.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
    );
    await until(() => readFileSync(join(chunks, name)).equals(sound), Boolean);
    await until(farmer.status, ({ challenges }) => challenges.passed >= 12);
    expect(farmer.status().challenges.failed).toBe(0);
    await farmer.stop();
    await node.close();
  });

  it('do without each other: the farmer waits for a node that is not there, healthy but not ready', async () => {
    const farmer = await aFarmer('http://127.0.0.1:1');
    const code = async (path: string) => (await fetch(farmer.url + path)).status;
    expect([await code('/healthz'), await code('/readyz')]).toEqual([200, 503]);
    expect(await farmer.stop()).toBe(true);
  });

  it('refuse a second farmer on the same data directory, and free what they took', async () => {
    const first = await aFarmer('http://127.0.0.1:1');
    await expect(aFarmer('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'locked' });
    await first.stop();
    const next = await aFarmer('http://127.0.0.1:1');
    await next.stop();
  });
});
