import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fault } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import { exitNodes } from '../farmer/src/cli/exit.ts';
import { ADDRESS, listChunks, TestFarm, until } from './support/test-farm.ts';

/** All farms of these tests start at once. */
const LONG_ROUNDS = { intervalMs: 10_000 };

describe('A farmer and a mock node', () => {
  it.concurrent.each(['secret', 'url'] as const)(
    'pass challenges of contracts by %s without revealing a secret',
    async (contractForm) => {
      await using farm = new TestFarm();
      const node = await farm.startNode({ contractForm, ...LONG_ROUNDS });
      const farmer = await farm.startFarmer(node.url);
      await until(farmer.status, ({ challenges, contracts }) => contracts.waiting === 5 && challenges.passed >= 10);
      expect(farmer.status()).toMatchObject({
        nodes: [{ alias: 'node', farmerId: expect.stringMatching(/^[0-9a-f]{20}$/) }],
        challenges: { failed: 0 },
      });
      const metrics = await farmer.metrics();
      const passed = /^farmer_challenges_passed_total\{node="node"\} (\d+)$/m.exec(metrics)?.[1];
      expect(Number(passed)).toBeGreaterThanOrEqual(10);
      expect(metrics).toContain('farmer_challenges_failed_total{node="node",reason="missed"} 0');

      const [token] = farmer.secrets;
      const revealed = [farmer.lines.join(''), metrics, JSON.stringify(farmer.status())].join('');
      expect(token).toMatch(/^[0-9a-f]{32}$/);
      expect(revealed).not.toContain(token);
      expect(metrics).not.toContain(ADDRESS);
      expect(await farmer.stop()).toBe(true);
    },
  );

  it.concurrent('resume after a restart with the same token and chunks, in files readable only by their owner', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode(LONG_ROUNDS);
    const first = await farm.startFarmer(node.url);
    await until(
      first.status,
      ({ challenges, contracts: { total, generating } }) => challenges.passed >= 5 && total === 5 && generating === 0,
    );
    const [{ farmerId } = {}] = first.status().nodes;
    await first.stop();
    const data = farm.dataDir;
    const chunks = listChunks(data);
    expect(chunks).toHaveLength(5);
    expect([data, join(data, 'chunks')].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
    expect(
      [join(data, 'state.db'), join(data, 'chunks', chunks[0] ?? '')].map((path) => statSync(path).mode & 0o777),
    ).toEqual([0o600, 0o600]);

    writeFileSync(join(data, 'chunks', `${'a'.repeat(64)}.1-1.partial`), 'half');
    const second = await farm.startFarmer(node.url);
    await until(second.status, ({ challenges }) => challenges.passed >= 10);
    expect(second.status()).toMatchObject({ nodes: [{ farmerId }], challenges: { failed: 0 } });
    expect(await second.metrics()).toContain('farmer_chunk_generation_duration_seconds_count 0');
    expect(listChunks(data).sort()).toEqual(chunks.sort());
    // The page continues from the journal: it counts the challenges before the restart, too.
    const page = await (await fetch(second.url)).text();
    expect(Number(/All (\d+) challenges of the last \d+ seconds passed/.exec(page)?.[1])).toBeGreaterThanOrEqual(10);
    await second.stop();

    // Nothing is known of the rounds before the loss, so none of them failed.
    for (const name of readdirSync(data)) if (/^state\.db/.test(name)) rmSync(join(data, name));
    const third = await farm.startFarmer(node.url);
    await until(third.status, ({ challenges }) => challenges.passed >= 5);
    const { challenges, results } = third.status();
    expect(challenges.failed).toBe(0);
    expect(Date.parse(results?.since ?? '')).toBeGreaterThan(Date.parse(second.status().results?.since ?? ''));
    expect(third.lines.filter((line) => line.includes('challenge results unknown'))).toHaveLength(1);
  });

  it.concurrent('continue when the output of the farmer is closed', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode(LONG_ROUNDS);
    const main = join(import.meta.dirname, '../farmer/src/main.ts');
    const env = { ...process.env, ...farm.env(node.url) };
    const farmer = spawn(process.execPath, ['--conditions=downstream-source', main], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(farmer, 'exit');
    await once(farmer.stdout, 'data');
    farmer.stdout.destroy();
    farmer.stderr.destroy();
    const passed = async () => {
      const metrics = await (await fetch(`${node.url}/metrics`)).text();
      return Number(/^mock_node_challenges_total\{result="passed"\} (\d+)$/m.exec(metrics)?.[1]);
    };
    try {
      await until(passed, (count) => count >= 10);
      // Enough file threads to survive two disks that hang.
      expect(readdirSync(`/proc/${farmer.pid}/task`).length).toBeGreaterThan(64);
    } finally {
      farmer.kill('SIGTERM');
    }
    expect(await exited).toEqual([0, null]);
  });

  it.concurrent('agree on no contract with different genesis files, and leave no chunk on disk', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode(farm.createGenesis('another'));
    const farmer = await farm.startFarmer(node.url);
    const metrics = await until(farmer.metrics, (text) =>
      /rejected_total\{node="node",reason="hash_mismatch"\} [1-9]/.test(text),
    );
    expect(metrics).toContain('farmer_challenges_passed_total{node="node"} 0');
    await farmer.stop();
    expect(listChunks(farm.dataDir)).toEqual([]);
  });

  it.concurrent('rebuild a corrupt chunk before a wrong answer is sent', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode(LONG_ROUNDS);
    const farmer = await farm.startFarmer(node.url);
    await until(farmer.status, ({ contracts }) => contracts.waiting === 5);
    const chunks = join(farm.dataDir, 'chunks');
    const [name = ''] = listChunks(farm.dataDir);
    const intact = readFileSync(join(chunks, name));
    writeFileSync(
      join(chunks, name),
      intact.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
    );
    await until(() => readFileSync(join(chunks, name)).equals(intact), Boolean);
    const { passed } = farmer.status().challenges;
    await until(farmer.status, ({ challenges }) => challenges.passed >= passed + 5);
    expect(farmer.status().challenges.failed).toBe(0);
  });

  it.concurrent('start independently: a farmer without its node is healthy but not ready', async () => {
    await using farm = new TestFarm();
    const farmer = await farm.startFarmer('http://127.0.0.1:1');
    const code = async (path: string) => (await fetch(farmer.url + path)).status;
    expect([await code('/healthz'), await code('/readyz')]).toEqual([200, 503]);
    expect(await farmer.stop()).toBe(true);
  });

  it.concurrent('report the farmer not ready while the node rejects its answers', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode(LONG_ROUNDS);
    const farmer = await farm.startFarmer(node.url);
    const isReady = async () => (await fetch(`${farmer.url}/readyz`)).ok;
    await until(farmer.status, ({ challenges }) => challenges.passed >= 5);
    expect(await isReady()).toBe(true);
    const { faults, clock } = node.controller;
    const rejection = { name: 'rejection', match: { route: 'challenge' }, effect: { kind: 'reject_answer' } };
    faults.replaceAll([fault.parse(rejection)], clock.now());
    await until(farmer.status, ({ challenges }) => challenges.failed >= 3);
    expect(await isReady()).toBe(false);
    faults.replaceAll([], clock.now());
    await until(isReady, Boolean);
  });

  it.concurrent('complete a graceful exit: every contract is released and the farmer stays ready', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode(LONG_ROUNDS);
    const first = await farm.startFarmer(node.url);
    await until(first.status, ({ contracts }) => contracts.waiting === 5);
    const config = { dataDir: farm.dataDir };
    expect(await exitNodes(config, { cancel: false, yes: true, json: false }, () => {})).toBe(0);
    expect([...node.controller.ledger.listContracts(node.controller.clock.now())]).toEqual([]);
    await first.stop();
    const second = await farm.startFarmer(node.url);
    expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
    expect(second.status().contracts.total).toBe(0);
  });

  it.concurrent('lock the data directory against a second farmer until the first stops', async () => {
    await using farm = new TestFarm();
    const first = await farm.startFarmer('http://127.0.0.1:1');
    await expect(farm.startFarmer('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'locked' });
    await first.stop();
    await farm.startFarmer('http://127.0.0.1:1');
  });
});
