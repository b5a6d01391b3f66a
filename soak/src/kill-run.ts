import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fault } from '@downstream/control-api';
import { randomio } from '@downstream/file-encryptor';
import { type MockNode, startMockNode } from '@downstream/mock-node';
import { Promises } from './acknowledged-contracts.ts';
import { DataDir } from './data-dir.ts';
import type { FarmerLine } from './farmer-line.ts';
import { FarmerProcess, type FarmerSetup } from './farmer-process.ts';
import { deleted, findLeftovers, findViolations } from './kill-checks.ts';
import { type KillObservation, killPoint, STEPS, type Step, stepAt } from './kill-points.ts';
import { SeededRandom } from './seeded-random.ts';

/** A farmer to kill again and again, and its node. */
export interface KillRunOptions {
  /** Its own, which is not there yet. */
  readonly folder: string;
  readonly seed: string;
  readonly chunkBytes: number;
  readonly contractForm: 'secret' | 'url';
  readonly cacheDir: string;
}

/** What came of a lane. */
export interface KillRunReport {
  readonly cycles: number;
  /** Contracts that the farmer said it had. */
  readonly acknowledged: number;
  readonly passed: number;
  /** Answers that were wrong, in words. */
  readonly wrong: readonly string[];
  /** Answers that came just after their round was over. */
  readonly late: number;
  /** Kills by what the farmer was at. */
  readonly hits: Readonly<Record<Step, number>>;
  /** What a start did not clear away. */
  readonly notCleared: readonly string[];
  /** Every promise that was not kept, in words. */
  readonly broken: readonly string[];
}

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const INTERVAL_MS = 2_000;
/** So many contracts fit; from so many on, the node ends some, so that there is always something to take and to remove. */
const CAPACITY = 24;
const CROWD = 12;
const END_CONTRACT_EVERY_MS = 100;
/** Of the contracts that the node ends, so many are the youngest: others live through many kills. */
const YOUNGEST = 0.85;
/** A farmer that does not say what is waited for is killed all the same. */
const MAX_LIFETIME_MS = 5_000;
/** How long, at the end, until there is a contract, and each has passed. */
const FINISH_TIMEOUT_MS = 60_000;
/** So soon after a round began, a wrong answer is the right one to the round before, held up on its way: the node is in this busy process. */
const LATE_MS = 250;

/** A farmer, killed at random points while it farms for a node that is always busy with it. */
export class KillRun {
  readonly #options: KillRunOptions;
  readonly #dice: SeededRandom;
  readonly #dataDir: DataDir;
  readonly #promises = new Promises();
  readonly #hits: Record<Step, number>;
  readonly #broken: string[] = [];
  readonly #notCleared: string[] = [];
  readonly #wrong: string[] = [];
  #late = 0;
  #cycles = 0;
  #strangers: ReadonlySet<string> = new Set();
  #findLeftovers: readonly string[] = [];
  /** Chunks that the next start must leave alone, and when they were written. */
  #whole = new Map<string, number>();

  constructor(options: KillRunOptions) {
    this.#options = options;
    this.#dice = new SeededRandom(options.seed);
    this.#dataDir = new DataDir(join(options.folder, 'data'));
    this.#hits = { starting: 0, taking: 0, generating: 0, listing: 0, answering: 0, removing: 0, other: 0 };
  }

  /** @param another says whether the farmer is to be killed once more */
  async run(another: () => boolean): Promise<KillRunReport> {
    const { folder, seed, contractForm } = this.#options;
    mkdirSync(folder);
    const genesis = this.#genesis();
    // A challenge that fails ends no contract here: what the farmer loses must be its own doing.
    const options = { port: 0, intervalMs: INTERVAL_MS, maxFailures: 1_000_000, contractForm, seed, ...genesis };
    const node = await startMockNode(options);
    this.#watch(node);
    const setup = this.#setup(node, genesis);
    // Spread out, so that taking lasts, and does not drown everything else.
    node.controller.faults.add(
      fault.parse({ name: 'pace', match: { route: 'chunk' }, effect: { kind: 'uniform', minMs: 5, maxMs: 60 } }),
      node.controller.clock.now(),
    );
    const ending = setInterval(() => this.#endOne(node), END_CONTRACT_EVERY_MS);
    try {
      while (another()) await this.#cycle(node, setup);
      clearInterval(ending);
      await this.#finish(node, setup);
    } finally {
      clearInterval(ending);
      await node.close();
    }
    const { passed } = node.controller.info().challenges;
    return {
      cycles: this.#cycles,
      acknowledged: this.#promises.ever.size,
      passed,
      wrong: this.#wrong,
      late: this.#late,
      hits: this.#hits,
      notCleared: this.#notCleared,
      broken: this.#broken,
    };
  }

  async #cycle(node: MockNode, setup: FarmerSetup): Promise<void> {
    this.#cycles += 1;
    const { after, plusMs } = killPoint(this.#dice);
    const heard = Promise.withResolvers<void>();
    let lines = 0;
    let last: FarmerLine | undefined;
    const farmer = this.#start(node, setup, (line) => {
      lines += 1;
      last = line;
      if (after === line.message || (typeof after === 'number' && lines >= after)) heard.resolve();
    });
    const patience = new AbortController();
    // Nothing is logged until it has started, which takes its time.
    await Promise.race([
      after === 0 ? pause(this.#dice.random() * 800) : heard.promise,
      farmer.ended,
      pause(MAX_LIFETIME_MS, undefined, patience).catch(() => {}),
    ]);
    patience.abort();
    await pause(plusMs);
    const { code } = await farmer.end('SIGKILL');
    if (code !== null)
      this.#broken.push(`the farmer ended by itself, with ${code}:\n${farmer.recentOutput.join('\n')}`);
    this.#hits[stepAt({ last, ...this.#look(node) })] += 1;
  }

  /** Undisturbed, until every contract on the node's books, one at least, has passed a challenge; then it is stopped. */
  async #finish(node: MockNode, setup: FarmerSetup): Promise<void> {
    const { controller } = node;
    const passes = () =>
      new Map([...controller.ledger.all(controller.clock.now())].map(({ hash, results }) => [hash, results.passed]));
    const before = passes();
    const farmer = this.#start(node, setup, () => {});
    const end = performance.now() + FINISH_TIMEOUT_MS;
    const waitWhile = async (condition: () => boolean) => {
      while (condition() && performance.now() < end && farmer.isRunning) await pause(50);
    };
    const hasNone = () => this.#promises.held.isDisjointFrom(nodeContracts(node));
    await waitWhile(hasNone);
    if (hasNone()) this.#broken.push('nothing to prove: the node has no contract that the farmer acknowledged');
    controller.configure({ maxContracts: 0 });
    const silent = () => [...passes()].filter(([hash, passed]) => passed <= (before.get(hash) ?? 0));
    await waitWhile(() => silent().length > 0);
    for (const [hash] of silent()) this.#broken.push(`not answerable: contract ${hash} never passed again`);
    const { code } = await farmer.end('SIGTERM');
    if (code !== 0) this.#broken.push(`the farmer's exit code was ${code}:\n${farmer.recentOutput.join('\n')}`);
    this.#look(node);
  }

  #start(node: MockNode, setup: FarmerSetup, onLine: (line: FarmerLine) => void): FarmerProcess {
    return FarmerProcess.start(setup, (line) => {
      if (line.message === 'farmer started') {
        this.#expectCleared();
        this.#expectKept(node);
      }
      const over = this.#promises.hear(line);
      const { ledger, clock } = node.controller;
      if (over !== undefined && ledger.contract(over, clock.now()) !== undefined)
        this.#broken.push(`given up: contract ${over}, which the node has (${line.message}, ${line.reason})`);
      onLine(line);
    });
  }

  /** The farmer is dead: what did it leave behind? */
  #look(node: MockNode): Pick<KillObservation, 'hasNewContract' | 'hasPartialChunk'> {
    this.#expectKept(node);
    const stateFiles = [this.#dataDir.state(), this.#dataDir.mirror()] as const;
    const [{ contracts: inState }] = stateFiles;
    const running = nodeContracts(node);
    const chunks = this.#dataDir.chunks();
    for (const what of findViolations({
      acknowledged: this.#promises.held,
      nodeContracts: running,
      stateFiles,
      chunks,
    }))
      this.#broken.push(`after kill ${this.#cycles}: ${what}`);
    this.#findLeftovers = findLeftovers(this.#dataDir.names(), inState);
    const whole = chunks.filter(({ name, sha256 }) => name === sha256 && inState.has(name));
    this.#whole = this.#dataDir.writtenAt(whole.map(({ name }) => name));
    const before = this.#strangers;
    this.#strangers = running.difference(inState);
    return {
      hasNewContract: this.#strangers.difference(before).size > 0,
      hasPartialChunk: this.#dataDir.partial().length > 0,
    };
  }

  #expectCleared(): void {
    const names = new Set(this.#dataDir.names());
    this.#notCleared.push(...this.#findLeftovers.filter((name) => names.has(name)));
    this.#findLeftovers = [];
  }

  /** Asked when it has started, and again when it is dead: it may not have come so far. */
  #expectKept(node: MockNode): void {
    const now = this.#dataDir.writtenAt(this.#whole.keys());
    for (const name of deleted(this.#whole, { now, nodeContracts: nodeContracts(node) })) {
      this.#whole.delete(name);
      this.#broken.push(`deleted: chunk ${name} was whole, and the node has its contract: before kill ${this.#cycles}`);
    }
  }

  /** A contract that the farmer acknowledged is only over when the node says so, and no answer is ever wrong. */
  #watch({ controller }: MockNode): void {
    controller.events.listen((event) => {
      if (event.type === 'contract' && event.change === 'ended' && event.reason === 'removed') {
        if (this.#promises.held.has(event.hash))
          this.#broken.push(`given back: contract ${event.hash}, which had been acknowledged`);
      }
      if (event.type === 'challenge' && event.result === 'wrong') {
        const now = controller.clock.now();
        const { round, dueAt, intervalMs } = controller.ledger.contract(event.hash, now) ?? NOTHING;
        const into = Math.round(now - dueAt + intervalMs);
        if (round > 0 && into < LATE_MS) {
          this.#late += 1;
          return;
        }
        this.#wrong.push(
          `wrong answer: contract ${event.hash}, ${into} ms into its round ${round}, before kill ${this.#cycles}`,
        );
      }
    });
  }

  #endOne({ controller }: MockNode): void {
    const now = controller.clock.now();
    const running = [...controller.ledger.all(now)];
    if (running.length < CROWD) return;
    const victim = this.#dice.random() < YOUNGEST ? running.at(-1) : this.#dice.pick(running);
    if (victim !== undefined) controller.ledger.expire(victim.hash, now);
  }

  #genesis(): { genesisPath: string; genesisSha256: string } {
    const { folder, chunkBytes } = this.#options;
    const bytes = Buffer.concat([...randomio('kill loop', chunkBytes)]);
    const genesisPath = join(folder, 'genesis');
    writeFileSync(genesisPath, bytes);
    return { genesisPath, genesisSha256: createHash('sha256').update(bytes).digest('hex') };
  }

  #setup(node: MockNode, { genesisPath, genesisSha256 }: { genesisPath: string; genesisSha256: string }): FarmerSetup {
    const { chunkBytes, cacheDir } = this.#options;
    const env = {
      FARMER_NODE_URL: node.url,
      FARMER_ADDRESS: ADDRESS,
      FARMER_DATA_DIR: this.#dataDir.path,
      FARMER_INIT: 'true',
      FARMER_SIZE: String(CAPACITY * chunkBytes),
      FARMER_MIN_FREE: '0',
      FARMER_GENESIS: genesisPath,
      FARMER_GENESIS_SHA256: genesisSha256,
      FARMER_HTTP_PORT: '0',
      FARMER_POLL_INTERVAL: '200ms',
      FARMER_WORKERS: '1',
      FARMER_LOG_LEVEL: 'debug',
      FARMER_LOG_FORMAT: 'json',
    };
    return { env, cacheDir };
  }
}

/** What runs at the node. */
function nodeContracts({ controller }: MockNode): Set<string> {
  return new Set([...controller.ledger.all(controller.clock.now())].map(({ hash }) => hash));
}

const NOTHING = { round: 0, dueAt: 0, intervalMs: 0 };

/** Hits of several lanes, together. */
export function countKillsByStep(reports: readonly KillRunReport[]): { step: Step; kills: number }[] {
  return STEPS.map((step) => ({ step, kills: reports.reduce((sum, { hits }) => sum + hits[step], 0) }));
}
