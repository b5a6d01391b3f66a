import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type FaultInput, fault } from '@downstream/control-api';
import type { MockNode } from '@downstream/mock-node';
import { formatBytes } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import { ControlClient } from '../farmer/src/control/control-client.ts';
import { CONTROL_SOCKET } from '../farmer/src/control/control-server.ts';
import { exitReport, replacementReport } from '../farmer/src/control/reports.ts';
import { CHUNK_BYTES, listChunks, TestFarm, type TestFarmer, until } from './support/test-farm.ts';

const countPassed = (farmer: TestFarmer, at: number) => farmer.status().nodes[at]?.challenges.passed ?? 0;

describe('A farmer with several nodes', () => {
  it.concurrent('divides its capacity by the configured shares, also after it has exited a node, and says what waits', async () => {
    await using farm = new TestFarm();
    const [one, two] = [await farm.startNode({ seed: 'one' }), await farm.startNode({ seed: 'two' })];
    const env = { FARMER_NODE_ALIAS: 'big,small', FARMER_SIZE: String(8 * CHUNK_BYTES) };
    const farmer = await farm.startFarmer(`${one.url}=3,${two.url}=1`, env);
    await until(farmer.status, ({ contracts }) => contracts.waiting === 8);
    const { nodes } = farmer.status();
    expect(nodes.map(({ alias, contracts: { total } }) => [alias, total])).toEqual([
      ['big', 6],
      ['small', 2],
    ]);
    expect(new Set(nodes.map(({ farmerId }) => farmerId)).size).toBe(2);
    expect(await farmer.metrics()).toContain('farmer_contracts{node="small",state="waiting"} 2');

    const control = new ControlClient(join(farm.dataDir, CONTROL_SOCKET));
    await control.ask('POST', '/exit', exitReport, { node: 'small' });
    await until(farmer.status, ({ nodes: [big] }) => big?.contracts.waiting === 8);
    await control.ask('DELETE', '/exit', exitReport, { node: 'small' });
    const full = await until(farmer.status, (status) => status.nodes[1]?.waiting?.reason === 'capacity_used');
    expect(full.nodes.map(({ contracts: { total, capacity } }) => [total, capacity])).toEqual([
      [8, 6],
      [0, 2],
    ]);
    expect(full.nodes[1]?.waiting?.explanation).toContain(
      `big holds ${formatBytes(2 * CHUNK_BYTES)} more than its share`,
    );
    const now = one.controller.clock.now();
    const [{ hash = '' } = {}] = [...one.controller.ledger.listContracts(now)];
    one.controller.ledger.expire(hash, now);
    await until(farmer.status, (status) => status.nodes[1]?.contracts.waiting === 1);
  });

  it.concurrent('keeps passing at the other nodes while one is unreachable', async () => {
    await using farm = new TestFarm();
    const [one, two] = [await farm.startNode({ seed: 'one' }), await farm.startNode({ seed: 'two' })];
    const farmer = await farm.startFarmer(`${one.url},${two.url}`, {
      FARMER_NODE_ALIAS: 'one,two',
      FARMER_SIZE: String(4 * CHUNK_BYTES),
    });
    await until(farmer.status, ({ nodes }) =>
      nodes.every(({ contracts, challenges }) => contracts.total === 2 && challenges.passed >= 2),
    );
    await one.close();
    await until(farmer.status, ({ nodes }) => (nodes[0]?.challenges.failed ?? 0) >= 2);
    const before = countPassed(farmer, 1);
    await until(
      () => countPassed(farmer, 1),
      (passed) => passed >= before + 2,
    );
    const { nodes } = farmer.status();
    expect(nodes.map(({ reachable }) => reachable)).toEqual([false, true]);
    expect(nodes[1]?.challenges.failed).toBe(0);
    expect(nodes[0]?.contracts.total).toBe(2);
  });

  it.concurrent('does not download the chunks of one node from another', async () => {
    await using farm = new TestFarm();
    const victim = await farm.startNode();
    const attacker = createServer((request, response) => {
      const file_hash = randomBytes(32).toString('hex');
      const url = `${victim.url}/api/downstream/download/${file_hash}`;
      const responses = new Map<string | undefined, object>([
        ['new', { token: 'a'.repeat(32) }],
        ['chunk', { file_hash, url, challenge: '0.5', interval: 60 }],
        ['due', { all_contracts: [], due_contracts: [] }],
      ]);
      response.end(JSON.stringify(responses.get(request.url?.split('/')[3]) ?? { status: 'ok' }));
    }).listen(0, '127.0.0.1');
    await once(attacker, 'listening');
    farm.use({ [Symbol.asyncDispose]: async () => void attacker.close().closeAllConnections() });
    const address = attacker.address();
    assert(address !== null && typeof address === 'object');
    const farmer = await farm.startFarmer(`${victim.url},http://127.0.0.1:${address.port}`, {
      FARMER_NODE_ALIAS: 'victim,attacker',
    });
    await until(farmer.metrics, (text) =>
      /rejected_total\{node="attacker",reason="download_rejected"\} [1-9]/.test(text),
    );
    await until(
      () => countPassed(farmer, 0),
      (passed) => passed >= 2,
    );
    expect(victim.controller.journal.find().filter(({ route }) => route === 'download')).toEqual([]);
    expect(farmer.lines.filter((line) => line.includes('circuit breaker'))).toEqual([]);
  });

  it.concurrent('keeps the chunk of a contract that another node issues while an ended one is still being downloaded', async () => {
    await using farm = new TestFarm();
    const [slow, quick] = [await farm.startNode({ contractForm: 'url' }), await farm.startNode()];
    const faults = (node: MockNode, ...list: FaultInput[]) =>
      node.controller.faults.replaceAll(
        list.map((each) => fault.parse(each)),
        node.controller.clock.now(),
      );
    faults(slow, { name: 'slow', match: { route: 'download' }, effect: { kind: 'dribble', overMs: 6_000 } });
    faults(quick, { name: 'none', match: { route: 'chunk' }, effect: { kind: 'no_chunks' } });
    const env = { FARMER_NODE_ALIAS: 'slow,quick', FARMER_SIZE: String(2 * CHUNK_BYTES) };
    const farmer = await farm.startFarmer(`${slow.url},${quick.url}`, env);
    await until(farmer.status, ({ contracts }) => contracts.generating === 1);
    const now = slow.controller.clock.now();
    const [{ hash = '' } = {}] = [...slow.controller.ledger.listContracts(now)];
    slow.controller.ledger.expire(hash, now);
    faults(slow, { name: 'none', match: { route: 'chunk' }, effect: { kind: 'no_chunks' } });
    await until(farmer.status, ({ contracts }) => contracts.total === 0);
    faults(quick);
    await until(farmer.status, ({ nodes }) => nodes[1]?.contracts.waiting === 1);
    expect([...quick.controller.ledger.listContracts(quick.controller.clock.now())].map((each) => each.hash)).toEqual([
      hash,
    ]);
    await pause(6_000);
    const failed = farmer.lines.filter((line) => /chunk (lost|rebuilt)|unreadable/.test(line));
    expect({ failed, chunks: listChunks(farm.dataDir) }).toEqual({ failed: [], chunks: [hash] });
  });

  it.concurrent('rejects and releases a contract that it holds for another node', async () => {
    await using farm = new TestFarm();
    const [one, two] = [await farm.startNode({ seed: 'same' }), await farm.startNode({ seed: 'same' })];
    const farmer = await farm.startFarmer(`${one.url},${two.url}`, { FARMER_NODE_ALIAS: 'one,two' });
    await until(farmer.metrics, (text) => /rejected_total\{node="\w+",reason="duplicate"\} [1-9]/.test(text));
    const names = listChunks(farm.dataDir);
    expect(new Set(names).size).toBe(names.length);
    expect(farmer.status().challenges.failedByReason.wrong_answer).toBe(0);
  });
});

describe('A farmer with several disks', () => {
  it.concurrent('rebuilds the chunks of a removed disk on the others in time, and uses the disk again, or a new one in its place', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode({ maxContracts: 6 });
    const [a, b] = [join(farm.folder, 'a'), join(farm.folder, 'b')];
    const size = String(6 * CHUNK_BYTES);
    const env = { FARMER_DATA_DIR: `${a}=${size},${b}=${size}`, FARMER_SIZE: '' };
    const farmer = await farm.startFarmer(node.url, env);
    const chunksIn = (folder: string) => readdirSync(join(folder, 'chunks')).filter((name) => name.length === 64);
    await until(farmer.status, ({ contracts, challenges }) => contracts.waiting === 6 && challenges.passed >= 6);
    expect([chunksIn(a).length, chunksIn(b).length]).toEqual([3, 3]);

    renameSync(b, `${b}-removed`);
    mkdirSync(b);
    const status = await until(farmer.status, ({ disks }) => disks[1]?.state === 'quarantined');
    expect(status.disks[0]?.state).toBe('ok');
    await until(
      () => chunksIn(a).length,
      (count) => count === 6,
    );
    const { passed } = farmer.status().challenges;
    await until(farmer.status, ({ challenges }) => challenges.passed >= passed + 6);
    expect(farmer.status().challenges.failed).toBe(0);
    expect(readdirSync(b)).toEqual([]);
    await farmer.stop();

    rmSync(b, { recursive: true });
    renameSync(`${b}-removed`, b);
    const again = await farm.startFarmer(node.url, env);
    await until(
      again.status,
      ({ contracts, disks }) => contracts.waiting === 6 && disks.every(({ state }) => state === 'ok'),
    );
    expect([chunksIn(a).length, chunksIn(b).length]).toEqual([6, 0]);
    await again.stop();

    // A new disk in the same place, found at the start.
    rmSync(b, { recursive: true });
    mkdirSync(b);
    const last = await farm.startFarmer(node.url, env);
    await until(last.status, ({ disks, contracts }) => contracts.waiting === 6 && disks[1]?.state === 'quarantined');
    const control = new ControlClient(join(a, CONTROL_SOCKET));
    const replace = async (allowSharedFileSystem: boolean) =>
      await control.ask('POST', '/disks/replace', replacementReport, { path: b, allowSharedFileSystem, dryRun: false });
    await expect(replace(false)).rejects.toThrow('probably not mounted');
    expect(await replace(true)).toMatchObject({ path: b, state: 'ok', rebuilding: 0 });
    await node.controller.configure({ maxContracts: 8 });
    await until(last.status, ({ contracts }) => contracts.waiting === 8);
    expect([chunksIn(a).length, chunksIn(b).length]).toEqual([6, 2]);
  });
});
