import { mkdirSync, rmSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type MockNode, startMockNode } from '@downstream/mock-node';
import { AcknowledgedContracts } from './acknowledged-contracts.ts';
import { DataDir } from './data-dir.ts';
import type { FarmerLine } from './farmer-line.ts';
import { FarmerProcess, type Genesis, writeGenesis } from './farmer-process.ts';
import { type DamageKind, PLAN } from './plan.ts';
import type { Snapshot } from './rounds.ts';

const START_TIMEOUT_MS = 20_000;

/** A node and a farmer that can be stopped and started, and chunks that can be damaged. */
export class SoakFarm {
  readonly acknowledged = new AcknowledgedContracts();
  readonly dataDir: DataDir;
  /** Failed challenges by the farmer's own reasons. */
  readonly failuresByReason = new Map<string, number>();
  /** A sentence for each broken guarantee. */
  readonly violations: string[] = [];
  readonly challenges = { passed: 0, wrong: 0, unanswered: 0 };
  restarts = -1;
  readonly #folder: string;
  readonly #seed: string;
  readonly #genesis: Genesis;
  #node: MockNode | undefined;
  #port = 0;
  #farmer: FarmerProcess | undefined;

  constructor(folder: string, seed: string) {
    this.#folder = folder;
    this.#seed = seed;
    this.#genesis = writeGenesis(folder, PLAN.chunkBytes);
    this.dataDir = new DataDir(join(folder, 'data'));
  }

  /** The node's contracts, in this process's time; empty while the node is stopped. */
  takeSnapshots(): Snapshot[] {
    if (this.#node === undefined) return [];
    const { ledger, clock } = this.#node.controller;
    const now = clock.now();
    const aheadMs = now - Date.now();
    return [...ledger.listContracts(now)].map((facts) => ({
      ...facts,
      // A copy, because the ledger keeps counting in its own object.
      results: { ...facts.results },
      acceptedAt: facts.acceptedAt - aheadMs,
      dueAt: facts.dueAt - aheadMs,
    }));
  }

  get node(): MockNode | undefined {
    return this.#node;
  }

  get farmer(): FarmerProcess | undefined {
    return this.#farmer;
  }

  async startNode(): Promise<void> {
    const node = await startMockNode({
      port: this.#port,
      seed: this.#seed,
      intervalMs: PLAN.intervalMs,
      // Failing contracts must not end, because their further failures would not be counted.
      maxFailures: 1_000_000,
      statePath: join(this.#folder, 'node.db'),
      ...this.#genesis,
    });
    this.#node = node;
    this.#port = node.port;
    node.controller.events.subscribe((event) => {
      if (event.type === 'challenge') this.challenges[event.result] += event.count;
      if (event.type === 'contract' && event.change === 'ended' && event.reason === 'removed')
        if (this.acknowledged.current.has(event.hash))
          this.violations.push(`released: contract ${event.hash} had been acknowledged`);
    });
  }

  async stopNode(): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    await node?.close();
  }

  /**
   * Starts the farmer and waits until it logs that it has started.
   *
   * @param onDropped called with each contract that the farmer drops although it is running at the node
   */
  async startFarmer(onDropped: (contract: Snapshot, line: FarmerLine) => void): Promise<void> {
    this.restarts += 1;
    const started = Promise.withResolvers<void>();
    const setup = {
      nodeUrl: `http://127.0.0.1:${this.#port}`,
      dataDir: this.dataDir.path,
      sizeBytes: PLAN.contracts * PLAN.chunkBytes,
      genesis: this.#genesis,
      cacheDir: join(this.#folder, 'compiled'),
    };
    const farmer = FarmerProcess.start(setup, (line) => {
      if (line.message === 'farmer started') started.resolve();
      if (line.message === 'challenge failed') this.#countFailures(line);
      const dropped = this.acknowledged.observe(line);
      const contract = this.takeSnapshots().find(({ hash }) => hash === dropped);
      if (contract !== undefined) onDropped(contract, line);
    });
    this.#farmer = farmer;
    const timer = setTimeout(() => started.reject(new Error('start timed out')), START_TIMEOUT_MS);
    const exited = farmer.exit.then(({ code }) => {
      throw new Error(`exited with ${code}`);
    });
    try {
      await Promise.race([started.promise, exited]);
      exited.catch(() => {});
    } catch (error) {
      throw new Error(`farmer did not start: ${error}\n${farmer.recentOutput}`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the farmer, if it is running. After SIGTERM, an exit code other than 0 is a violation. */
  async endFarmer(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const farmer = this.#farmer;
    this.#farmer = undefined;
    if (farmer === undefined) return;
    const { code } = await farmer.end(signal);
    if (signal === 'SIGTERM' && code !== 0) this.violations.push(`the farmer's exit code was ${code} after SIGTERM`);
  }

  /** Damages the chunk of a contract while the farmer is running. */
  async damageChunk(contract: string, kind: DamageKind): Promise<void> {
    const path = this.dataDir.chunkPath(contract);
    switch (kind) {
      case 'truncated':
        return truncateSync(path, PLAN.chunkBytes / 2);
      case 'flipped': {
        await using file = await open(path, 'r+');
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, PLAN.chunkBytes / 2);
        await file.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, PLAN.chunkBytes / 2);
        return;
      }
      case 'deleted':
        return rmSync(path);
      case 'replaced by a folder':
        rmSync(path);
        mkdirSync(join(path, 'inside'), { recursive: true });
    }
  }

  #countFailures({ reason = 'unknown', count = 1 }: FarmerLine): void {
    this.failuresByReason.set(reason, (this.failuresByReason.get(reason) ?? 0) + count);
  }
}
