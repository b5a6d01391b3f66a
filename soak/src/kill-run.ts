import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fault } from '@downstream/control-api';
import { type MockNode, startMockNode } from '@downstream/mock-node';
import { AcknowledgedContracts } from './acknowledged-contracts.ts';
import { findDeletedChunks, findLeftovers, findViolations } from './checks.ts';
import { DataDir } from './data-dir.ts';
import type { FarmerLine } from './farmer-line.ts';
import { FarmerProcess, type FarmerSetup, writeGenesis } from './farmer-process.ts';
import { chooseKillPoint, identifyStep, type KillObservation, STEPS, type Step, toStep } from './kill-points.ts';
import { SeededRandom } from './seeded-random.ts';

/** A kind of contract that a farmer is killed with. */
export type KillFarm = {
  readonly chunkBytes: number;
} & (
  | { readonly api: 'prototype'; readonly contractForm: 'secret' | 'url' }
  | { readonly api: 'v1'; readonly scheme: 'merkle' | 'swizzle' }
);

export interface KillRunOptions {
  /** Must not exist yet. */
  readonly folder: string;
  readonly seed: string;
  readonly farm: KillFarm;
  readonly cacheDir: string;
}

const INTERVAL_MS = 2_000;
const CAPACITY = 24;
/** More than a run has rounds, so that no contract runs out. */
const MAX_CHALLENGES = 2_000;
/** From this many contracts on, the node ends some, so that the farmer keeps accepting and removing contracts. */
const MIN_CONTRACTS = 12;
const END_CONTRACT_EVERY_MS = 100;
/** The share of ended contracts that are the newest one, so that older ones survive many kills. */
const NEWEST_SHARE = 0.85;
/** Kills a farmer that never logs the line of its kill point. */
const MAX_LIFETIME_MS = 5_000;
const MAX_START_DELAY_MS = 800;
const FINISH_TIMEOUT_MS = 60_000;

/** Kills one farmer at random points while the node keeps it busy, and checks each time what it left on disk. */
export class KillRun {
  readonly acknowledged = new AcknowledgedContracts();
  readonly killsByStep: Record<Step, number>;
  /** A sentence for each guarantee that the farmer broke. */
  readonly violations: string[] = [];
  /** A sentence for each wrong answer. */
  readonly wrong: string[] = [];
  /** Files that a start should have deleted. */
  readonly leftovers: string[] = [];
  /** How many answers arrived after their round: the node shares this busy process. In the v1 API also wrong ones. */
  late = 0;
  passed = 0;
  cycles = 0;
  readonly #random: SeededRandom;
  readonly #node: MockNode;
  readonly #setup: FarmerSetup;
  readonly #api: KillFarm['api'];
  readonly #dataDir: DataDir;
  /** The farmer's ids of contracts by the node's. */
  readonly #ids = new Map<string, string>();
  #unknownContracts: ReadonlySet<string> = new Set();
  #expectedDeletions: readonly string[] = [];
  /** Modification times of the chunks that the next start must keep. */
  #intactChunks = new Map<string, number>();

  constructor(seed: string, { node, setup, api }: { node: MockNode; setup: FarmerSetup; api: KillFarm['api'] }) {
    this.#random = new SeededRandom(seed);
    this.#node = node;
    this.#setup = setup;
    this.#api = api;
    this.#dataDir = new DataDir(setup.dataDir);
    this.killsByStep = Object.fromEntries(STEPS.map((step) => [step, 0])) as Record<Step, number>;
  }

  static async run(options: KillRunOptions, shouldContinue: () => boolean): Promise<KillRun> {
    const { folder, seed, farm, cacheDir } = options;
    const { chunkBytes, api } = farm;
    mkdirSync(folder);
    const genesis = writeGenesis(folder, chunkBytes);
    const node = await startMockNode({
      port: 0,
      intervalMs: INTERVAL_MS,
      // Failed challenges must not end contracts here: any loss must be the farmer's fault.
      maxFailures: 1_000_000,
      seed,
      ...genesis,
      ...(farm.api === 'v1'
        ? { scheme: farm.scheme, chunkSizesBytes: [chunkBytes], challengesPerChunk: MAX_CHALLENGES }
        : { contractForm: farm.contractForm }),
    });
    const setup = {
      nodeUrl: node.url,
      dataDir: join(folder, 'data'),
      sizeBytes: CAPACITY * chunkBytes,
      genesis,
      cacheDir,
      env: { FARMER_POLL_INTERVAL: '200ms', FARMER_WORKERS: '1', FARMER_PROTOCOL: api },
    };
    try {
      const run = new KillRun(seed, { node, setup, api });
      await run.#run(shouldContinue);
      return run;
    } finally {
      await node.close();
    }
  }

  async #run(shouldContinue: () => boolean): Promise<void> {
    const { controller } = this.#node;
    this.#watchNode();
    // Slows acceptance down, so that it overlaps with the other steps.
    controller.faults.add(
      fault.parse({
        name: 'delay',
        match: { route: this.#api === 'v1' ? 'v1_chunk' : 'chunk' },
        effect: { kind: 'uniform', minMs: 5, maxMs: 60 },
      }),
      controller.clock.now(),
    );
    const timer = setInterval(() => this.#endOneContract(), END_CONTRACT_EVERY_MS);
    try {
      while (shouldContinue()) await this.#killOnce();
    } finally {
      clearInterval(timer);
    }
    await this.#finish();
  }

  async #killOnce(): Promise<void> {
    this.cycles += 1;
    const { after, delayMs } = chooseKillPoint(this.#random);
    const reached = Promise.withResolvers<void>();
    let lines = 0;
    let lastLine: FarmerLine | undefined;
    const farmer = this.#startFarmer((line) => {
      lines += 1;
      lastLine = line;
      if (typeof after === 'number' ? lines >= after : toStep(line) === after) reached.resolve();
    });
    const timeout = new AbortController();
    await Promise.race([
      after === 0 ? pause(this.#random.next() * MAX_START_DELAY_MS) : reached.promise,
      farmer.exit,
      pause(MAX_LIFETIME_MS, undefined, timeout).catch(() => {}),
    ]);
    timeout.abort();
    await pause(delayMs);
    const { code } = await farmer.end('SIGKILL');
    if (code !== null) this.violations.push(`the farmer exited with ${code} by itself:\n${farmer.recentOutput}`);
    this.killsByStep[identifyStep({ lastLine, ...this.#checkRemains() })] += 1;
  }

  /** Runs the farmer undisturbed until every contract has passed a challenge, then stops it. */
  async #finish(): Promise<void> {
    const { controller } = this.#node;
    const countPasses = () =>
      new Map(
        [...controller.ledger.listContracts(controller.clock.now())].map(({ hash, results }) => [hash, results.passed]),
      );
    const before = countPasses();
    const farmer = this.#startFarmer(() => {});
    const end = performance.now() + FINISH_TIMEOUT_MS;
    const waitWhile = async (condition: () => boolean) => {
      while (condition() && performance.now() < end && farmer.isRunning) await pause(50);
    };
    const hasNone = () => this.acknowledged.current.isDisjointFrom(this.#listRunning());
    await waitWhile(hasNone);
    if (hasNone()) this.violations.push('inconclusive: the node has no contract that the farmer acknowledged');
    controller.configure({ maxContracts: 0 });
    // Farmers cannot release what they lost before they acknowledged it in the v1 API.
    const isFarmed = (hash: string) => this.#api === 'prototype' || this.#ids.has(hash);
    const listUnproved = () =>
      [...countPasses()].filter(([hash, passed]) => isFarmed(hash) && passed <= (before.get(hash) ?? 0));
    await waitWhile(() => listUnproved().length > 0);
    for (const [hash] of listUnproved()) this.violations.push(`unanswered: contract ${hash} did not pass again`);
    const { code } = await farmer.end('SIGTERM');
    if (code !== 0) this.violations.push(`the farmer's exit code was ${code}:\n${farmer.recentOutput}`);
    this.#checkRemains();
  }

  #startFarmer(onLine: (line: FarmerLine) => void): FarmerProcess {
    return FarmerProcess.start(this.#setup, (line) => {
      if (line.message === 'farmer started') {
        this.#checkLeftoversDeleted();
        this.#checkChunksKept();
      }
      if (line.message === 'challenge results unknown')
        this.violations.push(`unknown: after kill ${this.cycles}, the farmer did not trust its state (${line.reason})`);
      if (line.contract !== undefined) this.#ids.set(String(line.reference ?? line.contract), line.contract);
      const dropped = this.acknowledged.observe(line);
      if (dropped !== undefined && this.#listRunning().has(dropped))
        this.violations.push(`dropped: contract ${dropped} is running at the node (${line.message}, ${line.reason})`);
      onLine(line);
    });
  }

  /** Checks the data directory of a farmer that is not running. */
  #checkRemains(): Pick<KillObservation, 'hasNewContract' | 'hasPartialChunk'> {
    this.#checkChunksKept();
    const state = this.#dataDir.readState();
    const contracts = this.#dataDir.readContracts();
    for (const [id, { reference }] of contracts) this.#ids.set(reference, id);
    const running = this.#listRunning();
    const chunks = this.#dataDir.listChunks(contracts);
    const tags = this.#api === 'v1' ? this.#dataDir.readTags() : [];
    const stateFiles = [state, this.#dataDir.readReplica(), ...tags];
    for (const violation of findViolations({ acknowledged: this.acknowledged.current, running, stateFiles, chunks }))
      this.violations.push(`after kill ${this.cycles}: ${violation}`);
    this.#expectedDeletions = findLeftovers(this.#dataDir.listNames(), state.contracts);
    const intact = chunks.filter(({ sha256, expected }) => expected !== undefined && sha256 === expected);
    this.#intactChunks = this.#dataDir.getModificationTimes(intact.map(({ name }) => name));
    const before = this.#unknownContracts;
    this.#unknownContracts = running.difference(state.contracts);
    return {
      hasNewContract: this.#unknownContracts.difference(before).size > 0,
      hasPartialChunk: this.#dataDir.listPartialChunks().length > 0,
    };
  }

  #checkLeftoversDeleted(): void {
    const names = new Set(this.#dataDir.listNames());
    this.leftovers.push(...this.#expectedDeletions.filter((name) => names.has(name)));
    this.#expectedDeletions = [];
  }

  /** Called after a start and again after the kill, because the farmer may be killed before it has started. */
  #checkChunksKept(): void {
    const now = this.#dataDir.getModificationTimes(this.#intactChunks.keys());
    for (const name of findDeletedChunks(this.#intactChunks, { now, running: this.#listRunning() })) {
      this.#intactChunks.delete(name);
      this.violations.push(
        `deleted: chunk ${name} was intact and its contract is running at the node; before kill ${this.cycles}`,
      );
    }
  }

  /** The farmer must not release a contract that it acknowledged, and must not send a wrong answer. */
  #watchNode(): void {
    const { controller } = this.#node;
    controller.events.subscribe((event) => {
      if (event.type === 'contract' && event.change === 'ended' && event.reason === 'removed') {
        if (this.acknowledged.current.has(event.hash))
          this.violations.push(`released: contract ${event.hash} had been acknowledged`);
      }
      // Expected are only answers that were repeated after a kill, or to a contract that the node ended.
      if (event.type === 'proof' && event.reason === 'invalid') this.late += 1;
      if (event.type === 'proof' && (event.reason === 'corrupted' || event.reason === 'not_found'))
        this.wrong.push(`${event.reason} proof: contract ${event.hash}, before kill ${this.cycles}`);
      if (event.type !== 'challenge') return;
      if (event.result === 'passed') this.passed += event.count;
      if (event.result !== 'wrong') return;
      if (event.late) this.late += 1;
      else this.wrong.push(`wrong answer: contract ${event.hash}, before kill ${this.cycles}`);
    });
  }

  #endOneContract(): void {
    const { ledger, clock } = this.#node.controller;
    const now = clock.now();
    const running = [...ledger.listContracts(now)];
    if (running.length < MIN_CONTRACTS) return;
    const contract = this.#random.next() < NEWEST_SHARE ? running.at(-1) : this.#random.pick(running);
    if (contract !== undefined) ledger.expire(contract.hash, now);
  }

  /** The farmer's ids of the contracts that are running at the node, or the node's if the farmer has none. */
  #listRunning(): Set<string> {
    const { ledger, clock } = this.#node.controller;
    return new Set([...ledger.listContracts(clock.now())].map(({ hash }) => this.#ids.get(hash) ?? hash));
  }
}
