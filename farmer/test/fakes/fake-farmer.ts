import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import type { ChunkSource, ContractId, FailureReason } from '../../src/contract/contract.ts';
import type { JournalEntry } from '../../src/contract/journal-entry.ts';
import { ContractTable } from '../../src/farming/contract-table.ts';
import { ContractTables } from '../../src/farming/contract-tables.ts';
import { ChunkError, NodeError } from '../../src/farming/errors.ts';
import { Farmer } from '../../src/farming/farmer.ts';
import {
  type CallOptions,
  type ChunkPort,
  EMPTY_TALLY,
  type EndReason,
  type ExitState,
  type ExitStorePort,
  type Listing,
  type NodePort,
  type Offer,
  type OutcomePort,
  type RejectionReason,
  type ScrubResult,
  type ScrubStorePort,
  type StoredContract,
  type StoredOutcome,
  type StoredScrub,
  type StorePort,
  type Tally,
  type TokenStorePort,
} from '../../src/farming/ports.ts';
import { INTERVAL_MS, makeId } from './builders.ts';

/** A node in memory that keeps the protocol's time, and can be told to misbehave. */
export class FakeNode implements NodePort {
  readonly clock: FakeClock;
  /** The number of the contract before the first that it gives. */
  idsFrom = 0;
  /** Contracts to give, at most. */
  supply = 0;
  intervalMs = INTERVAL_MS;
  token: string | undefined;
  registrations = 0;
  down = false;
  rejectAnswers = false;
  /** While set, listings are on their way that long. */
  listingGate: Promise<void> | undefined;
  /** While set, contracts are on their way that long. */
  offerGate: Promise<void> | undefined;
  /** Never replies to an answer. */
  silent = false;
  /** Answers, but lists no challenge. */
  hidesChallenges = false;
  /** Refuses everything, and wants to be left alone for so long. */
  busyForMs: number | undefined;
  /** Registers nobody. */
  refusesNew = false;
  /** How long each answer was given. */
  readonly timeouts: (number | undefined)[] = [];
  /** Lists nothing at all, as one that was just started, or a proxy, may for a moment. */
  listsNothing = false;
  /** Says, when it is asked for a listing, that it does not know the token. */
  deniesListings = false;
  /** Goes on listing challenges that were answered. */
  listsSettled = false;
  /** Where chunks come from. */
  kind: ChunkSource['kind'] = 'secret';
  /** Can't be told that a contract is given back. */
  keepsContracts = false;
  /** Does not take this one back. */
  rejectsRelease: ContractId | undefined;
  /** While set, contracts that are given back are on their way that long. */
  releaseGate: Promise<void> | undefined;
  /** Loses its replies to what is given back. */
  losesReleases = false;
  /** How long it takes to acknowledge an answer. */
  answerTime: () => Promise<void> = async () => {};
  calls = 0;
  /** Takes answers, but the next so many replies are lost. */
  loseReplies = 0;
  readonly contracts = new Map<ContractId, { startedAt: number; settled: Map<number, boolean> }>();
  readonly answers: string[] = [];
  /** Answers that were not right for the challenge that was open. */
  readonly wrong: string[] = [];
  /** Answers that came again although their verdict had been heard. */
  readonly afterAcknowledgement: string[] = [];
  readonly #acknowledged = new Set<string>();
  readonly released: string[] = [];
  #made = 0;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  async register(): Promise<string> {
    this.#check('new');
    if (this.refusesNew) throw new NodeError('http_error', 'new', 'no', { status: 503 });
    this.registrations += 1;
    this.token = `token${this.registrations}`;
    return this.token;
  }

  async requestContract(token: string): Promise<Offer | undefined> {
    this.#check('chunk', token);
    if (this.contracts.size >= this.supply) return undefined;
    this.#made += 1;
    const id = makeId(this.idsFrom + this.#made);
    this.contracts.set(id, { startedAt: this.clock.now(), settled: new Map() });
    const challenge = this.#challenge(id);
    await this.offerGate;
    return {
      id,
      source:
        this.kind === 'url'
          ? { kind: 'url', url: `http://node/${id}` }
          : { kind: 'secret', secret: `secret${this.#made}` },
      challenge,
      intervalMs: this.intervalMs,
    };
  }

  async listContracts(token: string): Promise<Listing> {
    this.#check('due', token);
    if (this.deniesListings) throw new NodeError('no_token', 'due', 'unknown token');
    const held = this.listsNothing ? [] : [...this.contracts];
    const open = held.filter(([id, { settled }]) => this.listsSettled || !settled.has(this.#round(id)));
    const listing = {
      held: new Set(held.map(([id]) => id)),
      open: this.hidesChallenges ? [] : open.map(([id]) => ({ id, challenge: this.#challenge(id) })),
    };
    await this.listingGate;
    return listing;
  }

  async answer(
    token: string,
    { id, response }: { id: ContractId; response: string },
    { signal, timeoutMs }: CallOptions = {},
  ): Promise<boolean> {
    this.timeouts.push(timeoutMs);
    this.#check('challenge', token);
    const contract = this.contracts.get(id);
    if (contract === undefined) throw new NodeError('no_hash', 'challenge', 'unknown');
    this.answers.push(response);
    if (this.silent) await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    const round = this.#round(id);
    if (response !== `${id}:${this.#challenge(id)}`) this.wrong.push(response);
    if (this.#acknowledged.has(response)) this.afterAcknowledgement.push(response);
    const passed = contract.settled.get(round) ?? (!this.rejectAnswers && response === `${id}:${this.#challenge(id)}`);
    contract.settled.set(round, passed);
    if (this.loseReplies > 0) {
      this.loseReplies -= 1;
      throw new NodeError('unreachable', 'challenge', 'reply lost');
    }
    this.#acknowledged.add(response);
    await this.answerTime();
    return passed;
  }

  async release(token: string, id: ContractId): Promise<void> {
    this.#check('remove', token);
    if (this.keepsContracts) throw new NodeError('unreachable', 'remove', 'down');
    if (this.rejectsRelease === id) throw new NodeError('rejected', 'remove', 'no');
    await this.releaseGate;
    if (!this.contracts.delete(id)) throw new NodeError('no_hash', 'remove', 'unknown');
    this.released.push(id);
    if (this.losesReleases) throw new NodeError('unreachable', 'remove', 'reply lost');
  }

  #round(id: ContractId): number {
    return Math.floor((this.clock.now() - (this.contracts.get(id)?.startedAt ?? 0)) / this.intervalMs);
  }

  #challenge(id: ContractId): string {
    return `${Number.parseInt(id, 16)}.${this.#round(id)}`;
  }

  #check(route: 'new' | 'chunk' | 'due' | 'challenge' | 'remove', token?: string): void {
    this.calls += 1;
    if (this.busyForMs !== undefined) {
      throw new NodeError('http_error', route, 'busy', { retryAfterMs: this.busyForMs });
    }
    if (this.down) throw new NodeError('unreachable', route, 'down');
    if (token !== undefined && token !== this.token) throw new NodeError('no_token', route, 'unknown token');
  }
}

/** Chunks that are there or not. */
export class FakeChunks implements ChunkPort {
  readonly present = new Set<ContractId>();
  readonly corrupt = new Set<ContractId>();
  /** What the next creations throw. */
  failures: ChunkError[] = [];
  attempts = 0;
  readonly created: ContractId[] = [];
  /** What making a chunk takes. */
  makeTime: () => Promise<void> = async () => {};
  /** While set, chunks that are deleted are on their way that long. */
  removeGate: Promise<void> | undefined;
  /** Deletes nothing. */
  keepsAll = false;
  readonly verified: ContractId[] = [];
  /** While set, proofs wait for it. */
  gate: Promise<void> | undefined;

  async create(id: ContractId, _source: ChunkSource): Promise<void> {
    this.attempts += 1;
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.created.push(id);
    await this.makeTime();
    this.present.add(id);
    this.corrupt.delete(id);
  }

  /** What a proof takes. */
  proofTime: () => Promise<void> = async () => {};

  async prove(id: ContractId, challenge: string): Promise<string> {
    await this.gate;
    await this.proofTime();
    if (!this.present.has(id)) throw new ChunkError('unreadable', 'gone');
    if (this.corrupt.has(id)) throw new ChunkError('corrupt', 'rotten');
    return `${id}:${challenge}`;
  }

  async verify(id: ContractId): Promise<void> {
    this.verified.push(id);
    await this.prove(id, '');
  }

  async remove(id: ContractId): Promise<void> {
    await this.removeGate;
    if (this.keepsAll) throw new ChunkError('unreadable', 'not deleted');
    this.present.delete(id);
  }
}

/** State that a "restarted" farmer finds again. */
export class MemoryStore implements StorePort, TokenStorePort, ExitStorePort, ScrubStorePort {
  readonly rows = new Map<ContractId, StoredContract>();
  readonly results: Record<string, number> = {};
  saved: string | undefined;
  full = false;

  insert(contract: StoredContract): void {
    this.#write();
    this.rows.set(contract.terms.id, contract);
  }
  update(contract: StoredContract, outcome?: StoredOutcome): void {
    this.#write();
    this.rows.set(contract.terms.id, contract);
    if (outcome === undefined) return;
    this.results[outcome.total.name] = outcome.total.count;
    this.entries.push(outcome.entry);
  }
  remove(id: ContractId): void {
    this.#write();
    this.rows.delete(id);
  }
  contracts = () => [...this.rows.values()];
  tally = (): Tally => ({ ...EMPTY_TALLY, ...this.results });
  readonly entries: JournalEntry[] = [];
  savedExitState: ExitState = 'active';
  scrubbed: StoredScrub | undefined;
  exitState = () => this.savedExitState;
  scrub = () => this.scrubbed;
  token = () => this.saved;
  saveExitState(state: ExitState): void {
    this.#write();
    this.savedExitState = state;
  }
  saveScrub(scrub: StoredScrub): void {
    this.#write();
    this.scrubbed = scrub;
  }
  saveToken(token: string): void {
    this.#write();
    this.saved = token;
  }
  #write(): void {
    if (this.full) throw new Error('database or disk is full');
  }
}

/** Outcomes as they were counted. */
export class FakeOutcomes implements OutcomePort {
  passes: number[] = [];
  failures: { reason: FailureReason; count: number }[] = [];
  refusals: RejectionReason[] = [];
  ends: EndReason[] = [];

  waits: number[] = [];

  challengePassed = (slackMs: number) => void this.passes.push(slackMs);
  challengeFailed = (reason: FailureReason, count: number) => void this.failures.push({ reason, count });
  contractRejected = (reason: RejectionReason) => void this.refusals.push(reason);
  contractEnded = (reason: EndReason) => void this.ends.push(reason);
  acceptances = 0;
  contractAccepted = () => void this.acceptances++;
  repairs = 0;
  chunkRebuilt = () => void this.repairs++;
  proofStarted = (waitMs: number) => void this.waits.push(waitMs);
}

/** A farmer in a world of fakes. What outlives a process can be handed to the next one. */
export function aFarmer({
  contracts = 3,
  pollIntervalMs = 2_000,
  scrubCycleMs,
  node,
  chunks = new FakeChunks(),
  store = new MemoryStore(),
}: {
  contracts?: number;
  /** 'default': as the contracts' intervals want it. */
  pollIntervalMs?: number | 'default';
  /** None, if not given. */
  scrubCycleMs?: number;
  node?: FakeNode;
  chunks?: FakeChunks;
  store?: MemoryStore;
} = {}) {
  const clock = node?.clock ?? new FakeClock();
  const theNode = node ?? new FakeNode(clock);
  if (node === undefined) theNode.supply = contracts;
  const outcomes = new FakeOutcomes();
  const log = new FakeLogger();
  const random = { next: () => 0.5 };
  const freeSpace = { chunks: Number.POSITIVE_INFINITY };
  const circuit: { retryAfterMs: number | undefined } = { retryAfterMs: undefined };
  const scrubs: Record<ScrubResult, number> = { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 };
  const table = ContractTable.load({ capacityContracts: contracts, chunkBytes: 1 }, { store, outcomes, clock, log });
  const one = {
    alias: 'node',
    address: 'a',
    pollIntervalMs: pollIntervalMs === 'default' ? undefined : pollIntervalMs,
  };
  const farmer = new Farmer(
    { workers: 2, scrubCycleMs },
    {
      nodes: [{ ...one, node: theNode, circuit, tokens: store, exitStore: store, contracts: table, outcomes, log }],
      contracts: new ContractTables([table]),
      chunks,
      freeSpace,
      scrubs: store,
      onScrubResult: (result) => void scrubs[result]++,
      clock,
      random,
      log,
    },
  );
  const [worker] = farmer.nodes;
  if (worker === undefined) throw new Error('a farmer has a node');
  const faults: unknown[] = [];
  return {
    clock,
    node: theNode,
    chunks,
    store,
    outcomes,
    log,
    table,
    farmer,
    worker,
    freeSpace,
    circuit,
    scrubs,
    faults,
    start: () =>
      farmer.start(
        (id) => chunks.present.has(id),
        (error) => faults.push(error),
      ),
  };
}
