import { mkdirSync, rmSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type MockNode, startMockNode } from '@downstream/mock-node';
import { AcknowledgedContracts } from './acknowledged-contracts.ts';
import { ChallengeCounts } from './challenge-counts.ts';
import { ContractNames } from './contract-names.ts';
import { DataDir } from './data-dir.ts';
import type { FarmerLine } from './farmer-line.ts';
import { FarmerProcess, type Genesis, writeGenesis } from './farmer-process.ts';
import { type Api, type DamageKind, PLAN } from './plan.ts';
import type { Snapshot } from './rounds.ts';
import { findTagViolations } from './tag-files.ts';

const START_TIMEOUT_MS = 20_000;

export interface SoakFarmOptions {
  readonly seed: string;
  readonly api: Api;
}

/** A failure that the node reported, by the node's name of the contract. */
export interface ReportedFailure {
  readonly contract: string;
  /** `missed`: the contract ended because a challenge was missed. `rejected`: a proof was invalid. Both only in v1. */
  readonly kind: 'missed' | 'rejected';
}

/**
 * A node and a farmer that can be stopped and started, and chunks that can be damaged. Contracts have the node's names.
 */
export class SoakFarm {
  readonly api: Api;
  readonly acknowledged = new AcknowledgedContracts();
  readonly dataDir: DataDir;
  /** Failed challenges by the farmer's own reasons. */
  readonly failuresByReason = new Map<string, number>();
  /** A sentence for each broken guarantee. */
  readonly violations: string[] = [];
  readonly challenges = { passed: 0, wrong: 0, unanswered: 0 };
  readonly counts = new ChallengeCounts();
  /** Contracts of which all challenges were used. */
  completed = 0;
  restarts = -1;
  readonly #names = new ContractNames();
  /** The SHA-256 of the intact chunks of v1 contracts, which are not named by it. */
  readonly #chunkHashes = new Map<string, string>();
  #reportedFailures: ReportedFailure[] = [];
  readonly #folder: string;
  readonly #seed: string;
  readonly #genesis: Genesis;
  #node: MockNode | undefined;
  #port = 0;
  #farmer: FarmerProcess | undefined;

  constructor(folder: string, { seed, api }: SoakFarmOptions) {
    this.api = api;
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

  /** The failures that the node reported since the last call. */
  takeReportedFailures(): ReportedFailure[] {
    const failures = this.#reportedFailures;
    this.#reportedFailures = [];
    return failures;
  }

  /** Whether the chunk of a contract is what the farmer stored first, which its proofs show to be right. */
  isChunkIntact(contract: string): boolean {
    const id = this.#names.getId(contract);
    const sha256 = this.dataDir.hashChunk(id);
    if (this.api === 'prototype') return sha256 === id;
    if (sha256 !== undefined && !this.#chunkHashes.has(id)) this.#chunkHashes.set(id, sha256);
    return sha256 !== undefined && sha256 === this.#chunkHashes.get(id);
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
      chunkSizesBytes: [PLAN.chunkBytes],
      challengesPerChunk: PLAN.challengesPerChunk,
      ...this.#genesis,
    });
    this.#node = node;
    this.#port = node.port;
    node.controller.events.subscribe((event) => {
      if (event.type === 'challenge') {
        this.challenges[event.result] += event.count;
        if (event.result === 'passed') this.counts.countByNode(event.hash, Date.now());
      }
      if (event.type === 'proof' && (event.reason === 'invalid' || event.reason === 'corrupted'))
        this.#reportedFailures.push({ contract: event.hash, kind: 'rejected' });
      if (event.type !== 'contract' || event.change !== 'ended') return;
      if (event.reason === 'failed') this.#reportedFailures.push({ contract: event.hash, kind: 'missed' });
      if (event.reason === 'removed' && this.acknowledged.current.has(event.hash))
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
      env: { FARMER_PROTOCOL: this.api },
    };
    const farmer = FarmerProcess.start(setup, (original) => {
      const line = this.#names.translate(original);
      if (line.message === 'farmer started') started.resolve();
      this.#countLine(line);
      const dropped = this.acknowledged.observe(line);
      const contract = dropped === undefined ? undefined : this.#find(dropped);
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

  /** What an ended farmer left on disk that it should not have. The farmer must have had time to delete files. */
  findLeftovers(): string[] {
    const { contracts } = this.dataDir.readState();
    // The farmer deletes no folders.
    const files = this.dataDir.listNames().filter((name) => this.dataDir.hashChunk(name) !== undefined);
    const chunks = files.filter((name) => !contracts.has(name));
    return [
      ...chunks.map((name) => `left over: ${name} is not the chunk of a contract`),
      ...(this.api === 'v1' ? findTagViolations(this.dataDir.path, contracts) : []),
    ];
  }

  /** Damages the chunk of a contract while the farmer is running. */
  async damageChunk(contract: string, kind: DamageKind): Promise<void> {
    const path = this.dataDir.chunkPath(this.#names.getId(contract));
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

  #find(contract: string): Snapshot | undefined {
    return this.takeSnapshots().find(({ hash }) => hash === contract);
  }

  #countLine({ message, contract = '', reason = 'unknown', count = 1 }: FarmerLine): void {
    if (message === 'challenge passed') this.counts.countByFarmer(contract, Date.now());
    if (message === 'challenge failed')
      this.failuresByReason.set(reason, (this.failuresByReason.get(reason) ?? 0) + count);
    if (message !== 'contract completed') return;
    this.completed += 1;
    const { round } = this.#find(contract) ?? {};
    if (round !== undefined && round < PLAN.challengesPerChunk - 1)
      this.violations.push(`completed too early: contract ${contract} in round ${round}`);
  }
}
