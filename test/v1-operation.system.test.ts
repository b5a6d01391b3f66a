import { execFile } from 'node:child_process';
import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MockNode } from '@downstream/mock-node';
import { describe, expect, it } from '@jest/globals';
import type { Status } from '../farmer/src/status/status.ts';
import { CHILD_ENV } from './support/child-env.ts';
import { type FarmerProcess, startFarmerProcess } from './support/farmer-process.ts';
import { CHUNK_BYTES, listChunks, TestFarm, until } from './support/test-farm.ts';

const MAIN = join(import.meta.dirname, '../farmer/src/main.ts');
/** Long enough for a restart: a contract ends when one challenge is missed. */
const INTERVAL_MS = 15_000;
const CONTRACTS = 5;

interface CommandResult {
  readonly code: unknown;
  /** Standard output and standard error. */
  readonly text: string;
}

/** A farmer in its own process, with contracts of a node's v1 API, and the commands that an operator runs. */
class V1Farm extends TestFarm {
  node: MockNode | undefined;

  async open(options: Parameters<TestFarm['startNode']>[0] = {}): Promise<MockNode> {
    this.node = await this.startNode({ intervalMs: INTERVAL_MS, chunkSizesBytes: [CHUNK_BYTES], ...options });
    return this.node;
  }

  get settings(): Record<string, string> {
    return { ...this.env(this.node?.url ?? ''), FARMER_PROTOCOL: 'v1', FARMER_POLL_INTERVAL: '' };
  }

  async start(): Promise<FarmerProcess> {
    return this.use(await startFarmerProcess(this.settings));
  }

  async startFull(): Promise<FarmerProcess> {
    const farmer = await this.start();
    await waitForPasses(farmer, CONTRACTS);
    return farmer;
  }

  /** Its files stay as after a crash. */
  async kill({ child }: FarmerProcess): Promise<void> {
    child.kill('SIGKILL');
    await until(() => child.signalCode, Boolean);
  }

  async run(...args: string[]): Promise<CommandResult> {
    const env = { ...CHILD_ENV, ...this.settings };
    return await new Promise((resolve) => {
      execFile(
        process.execPath,
        ['--conditions=downstream-source', MAIN, ...args],
        { env, timeout: 60_000 },
        (error, out, err) => resolve({ code: error?.code ?? 0, text: out + err }),
      );
    });
  }

  file(name: string): string {
    return join(this.dataDir, name);
  }

  /** The node's numbers of the contracts that are running at the node. */
  listRunning(): string[] {
    const { ledger, clock } = this.node?.controller ?? {};
    return [...(ledger?.listContracts(clock?.now() ?? 0) ?? [])].map(({ hash }) => hash);
  }

  /** How many challenges of each contract have passed at the node. */
  countPassed(): Map<string, number> {
    const { ledger, clock } = this.node?.controller ?? {};
    const contracts = [...(ledger?.listContracts(clock?.now() ?? 0) ?? [])];
    return new Map(contracts.map(({ hash, results }) => [hash, results.passed]));
  }

  /** Waits until each of the contracts has passed another challenge. */
  async waitForAnotherPass(contracts: readonly string[]): Promise<void> {
    const before = this.countPassed();
    await until(
      () => this.countPassed(),
      (now) => contracts.every((id) => !now.has(id) || (now.get(id) ?? 0) > (before.get(id) ?? 0)),
    );
    expect(this.listRunning()).toEqual(expect.arrayContaining([...contracts]));
  }
}

async function waitForPasses(farmer: FarmerProcess, count: number): Promise<Status> {
  return await until(
    farmer.status,
    ({ contracts, challenges }) => contracts.total === CONTRACTS && challenges.passed >= count,
  );
}

const hasLine = ({ lines }: FarmerProcess, text: string) => lines.some((line) => line.includes(`"${text}"`));

describe('An operator of a farmer with contracts of the v1 API', () => {
  it.concurrent("finds the node's number of a contract, and why a challenge passed", async () => {
    await using farm = new V1Farm();
    await farm.open();
    await farm.startFull();
    const list = await farm.run('contracts', '--json');
    const rows: { contract: string; reference: unknown }[] = JSON.parse(list.text);
    expect(rows.map(({ reference }) => reference).sort()).toEqual([1, 2, 3, 4, 5]);
    const [{ contract = '', reference } = {}] = rows;
    const explained = await farm.run('explain', contract.slice(0, 12));
    expect(explained).toEqual({ code: 0, text: expect.stringContaining(`named ${reference} by the node`) });
    expect(explained.text).toMatch(/Passed \S+ s before the deadline/);
    expect(JSON.parse((await farm.run('explain', contract, '--json')).text)).toMatchObject({ contract, reference });
    const status = await farm.run('status');
    expect(status.code).toBe(0);
    expect(status.text).toMatch(/^Contracts \(5, 80 KiB of 80 KiB\)$/m);
    expect(status.text).toMatch(/^ {2}Failed +0$/m);
  });

  it.concurrent('finds and repairs damaged chunks with a scrub', async () => {
    await using farm = new V1Farm();
    await farm.open({ intervalMs: 60_000 });
    const farmer = await farm.startFull();
    const [first = '', second = ''] = listChunks(farm.dataDir);
    truncateSync(farm.file(`chunks/${first}`), 100);
    rmSync(farm.file(`chunks/${second}`));
    expect(await farm.run('scrub')).toEqual({ code: 1, text: expect.stringContaining('2 of 5 chunks are damaged') });
    await until(farmer.status, ({ repairs }) => repairs.rebuilt === 2);
    const scrub = await farm.run('scrub');
    expect(scrub).toEqual({ code: 0, text: expect.stringContaining('all chunks are intact (5 of 5)') });
  });

  it.concurrent('learns that contracts cannot be released, and completes an exit when they have ended', async () => {
    await using farm = new V1Farm();
    await farm.open({ intervalMs: 6_000, challengesPerChunk: 3 });
    const farmer = await farm.startFull();
    const exit = await farm.run('exit', '--yes');
    expect(exit.text.split('\n')).toEqual(
      expect.arrayContaining([
        'node: contracts cannot be released, 5 are proved until they end',
        'exit complete: you can stop the farmer and delete its data directory',
      ]),
    );
    expect(exit.code).toBe(0);
    expect(listChunks(farm.dataDir)).toEqual([]);
    const { nodes, challenges } = await farmer.status();
    expect(nodes[0]?.ended).toEqual({ ended_by_node: 0, completed: 5, token_lost: 0, released: 0 });
    expect({ passed: challenges.passed, failed: challenges.failed }).toEqual({ passed: 15, failed: 0 });
  });

  it.concurrent('restores a backup of state and tags after the loss of all files', async () => {
    await using farm = new V1Farm();
    await farm.open();
    const farmer = await farm.startFull();
    const path = join(farm.folder, 'backup.db');
    expect((await farm.run('backup', path)).code).toBe(0);
    const contracts = farm.listRunning();
    await farm.kill(farmer);
    rmSync(farm.dataDir, { recursive: true });
    expect(await farm.run('restore', path, '--init')).toEqual({
      code: 0,
      text: expect.stringContaining(`restored ${CONTRACTS} contracts`),
    });
    const again = await farm.start();
    await farm.waitForAnotherPass(contracts);
    expect((await again.status()).challenges.failed).toBe(0);
  });
});

const TAG_DAMAGES: [string, (farm: V1Farm) => void][] = [
  [
    'tags.db is truncated',
    (farm) => truncateSync(farm.file('tags.db'), Math.floor(statSync(farm.file('tags.db')).size / 2)),
  ],
  ['tags.db is missing', (farm) => rmSync(farm.file('tags.db'))],
  ['tags.replica.db is overwritten', (farm) => writeFileSync(farm.file('tags.replica.db'), Buffer.alloc(50_000, 'x'))],
  [
    'state.db is damaged and tags.db is missing',
    (farm) => {
      writeFileSync(farm.file('state.db'), Buffer.alloc(50_000, 'x'));
      rmSync(farm.file('tags.db'));
    },
  ],
];

describe('A start with contracts of the v1 API', () => {
  it.concurrent.each(TAG_DAMAGES)('loses no contract if %s', async (_, damage) => {
    await using farm = new V1Farm();
    await farm.open();
    const farmer = await farm.startFull();
    const contracts = farm.listRunning();
    await farmer[Symbol.asyncDispose]();
    damage(farm);
    const again = await farm.start();
    expect(hasLine(again, 'tag files restored')).toBe(true);
    await farm.waitForAnotherPass(contracts);
    expect((await again.status()).challenges.failed).toBe(0);
  });

  it.concurrent('reports the contracts whose tags are lost, explains why they end, and replaces them', async () => {
    await using farm = new V1Farm();
    await farm.open({ intervalMs: 10_000 });
    const farmer = await farm.startFull();
    const contracts = farm.listRunning();
    await farmer[Symbol.asyncDispose]();
    for (const name of ['tags.db', 'tags.replica.db']) rmSync(farm.file(name));
    const again = await farm.start();
    expect(again.lines.filter((line) => line.includes('"tags missing"')).map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ level: 'error', contracts: CONTRACTS, first: expect.any(String) }),
    ]);
    expect(hasLine(again, 'tag files restored')).toBe(false);
    await until(
      () => farm.countPassed(),
      (now) => now.size === CONTRACTS && [...now].every(([id, passed]) => passed > 0 && !contracts.includes(id)),
      // The farmer drops a contract when the node has reported its end for an interval.
      { withinMs: 60_000 },
    );
    const failed = again.lines.find((line) => line.includes('"challenge failed"')) ?? '{}';
    const explained = await farm.run('explain', JSON.parse(failed).contract);
    expect(explained.text).toContain("the contract's tag is lost, without which nothing can be proved");
  });
});
