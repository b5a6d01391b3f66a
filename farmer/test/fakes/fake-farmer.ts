import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import type { ChunkSpace } from '../../src/contract/capacity.ts';
import type { ChunkSource, ChunkTerms, ContractId, FailureReason } from '../../src/contract/contract.ts';
import type { JournalEntry } from '../../src/contract/journal-entry.ts';
import type { ClockOffsets } from '../../src/contract/lost-time.ts';
import { CapacityShares } from '../../src/farming/capacity-shares.ts';
import { ContractTable } from '../../src/farming/contract-table.ts';
import { ContractTables } from '../../src/farming/contract-tables.ts';
import { ChunkError, NodeError } from '../../src/farming/errors.ts';
import { Farmer } from '../../src/farming/farmer.ts';
import {
  type Answer,
  type CallOptions,
  type ChunkPort,
  type ClockStorePort,
  EMPTY_TALLY,
  type EndReason,
  type ExitState,
  type ExitStorePort,
  type Listing,
  type NodeApi,
  type NodeClockPort,
  type NodeContract,
  type NodePort,
  type Offer,
  type OutcomePort,
  type ProofOutcome,
  type ProofRequest,
  type ReceivedTag,
  type RejectionReason,
  type SavedTag,
  type ScrubResult,
  type ScrubStorePort,
  type SkipReason,
  type StoredContract,
  type StoredOutcome,
  type StoredScrub,
  type StorePort,
  type TagPort,
  type Tally,
  type TokenStorePort,
  type Verdict,
} from '../../src/farming/ports.ts';
import { INTERVAL_MS, makeId } from './builders.ts';

/** What a fake node does wrong. A fault affects all requests of its kind while it is set. */
export class FakeFaults {
  // All requests
  isDown = false;
  /** Rejects requests with this Retry-After. */
  busyForMs: number | undefined;

  // Clock
  /** How far its clock is ahead. Its rounds follow its clock. */
  aheadMs = 0;
  /** How wrong its dates are. */
  dateErrorMs = 0;
  /** Sends no dates. */
  hidesClock = false;

  // Registrations
  rejectsRegistrations = false;

  // Listings
  /** Rejects the token. */
  rejectsListings = false;
  /** Lists no contracts, as a restarting node or a proxy may temporarily. */
  listsNothing = false;
  /** Lists contracts without challenges. */
  hidesChallenges = false;
  /** Keeps listing challenges that were answered. */
  listsSettled = false;
  /** Lists this many entries that cannot be read. */
  unreadableEntries = 0;
  /** Lists entries that cannot be read instead of these contracts. */
  readonly unreadable = new Set<ContractId>();

  // Answers
  rejectsAnswers = false;
  /** Never responds. */
  isSilent = false;
  /** The number of answers that the node processes without a response. */
  lostResponses = 0;

  // Releases
  failsReleases = false;
  /** Rejects the release of this contract. */
  rejectsRelease: ContractId | undefined;
  /** Processes releases without a response. */
  losesReleases = false;
}

/** What the responses of a fake node wait for. */
interface FakeDelays {
  listing: Promise<void> | undefined;
  offer: Promise<void> | undefined;
  release: Promise<void> | undefined;
  answer: () => Promise<void>;
}

/** A node in memory. It follows the protocol except for the faults that a test sets. */
export class FakeNode implements NodePort, NodeClockPort {
  /** The sizes of its chunks, of which a request gets the largest that fit. By default, that of the genesis file. */
  chunkSizes: readonly number[] = [];
  readonly clock: FakeClock;
  readonly faults = new FakeFaults();
  readonly delays: FakeDelays = { listing: undefined, offer: undefined, release: undefined, answer: async () => {} };

  // Settings
  /** The ids of its contracts start after this number. */
  idsFrom = 0;
  /** The maximum number of contracts. */
  supply = 0;
  intervalMs = INTERVAL_MS;
  /** The source of chunks. */
  kind: 'secret' | 'url' = 'secret';

  // State
  /** The token of the only farmer. */
  token: string | undefined;
  readonly contracts = new Map<ContractId, { startedAt: number; settled: Map<number, boolean> }>();

  // Received requests
  calls = 0;
  /** How large chunks each request for contracts allowed. */
  readonly requestedBytes: number[] = [];
  registrations = 0;
  readonly answers: string[] = [];
  /** The timeout of each answer. */
  readonly timeouts: (number | undefined)[] = [];
  /** Wrong answers to the open challenge. */
  readonly wrong: string[] = [];
  /** Answers that were repeated after their acknowledgement. */
  readonly afterAcknowledgement: string[] = [];
  readonly released: string[] = [];
  readonly #acknowledged = new Set<string>();
  #issued = 0;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  get ahead() {
    const aheadMs = this.faults.aheadMs + this.faults.dateErrorMs;
    return this.faults.hidesClock ? undefined : { minMs: aheadMs - 500, maxMs: aheadMs + 500 };
  }

  async register(): Promise<string> {
    this.#check('new');
    if (this.faults.rejectsRegistrations) throw new NodeError('http_error', 'new', 'no', { status: 503 });
    this.registrations += 1;
    this.token = `token${this.registrations}`;
    return this.token;
  }

  get traits() {
    return { listsAll: true, maxBatch: 1, canRelease: true, chunkSizesVary: this.chunkSizes.length > 0 };
  }

  async requestContracts(token: string, { maxBytes }: { maxBytes: number }): Promise<Offer[]> {
    this.#check('chunk', token);
    this.requestedBytes.push(maxBytes);
    if (this.chunkSizes.length === 0) return this.contracts.size < this.supply ? [await this.#offer(undefined)] : [];
    const sizes: number[] = [];
    for (let left = maxBytes; sizes.length < 10 && this.contracts.size + sizes.length < this.supply; ) {
      const fitting = this.chunkSizes.filter((sizeBytes) => sizeBytes <= left);
      if (fitting.length === 0) break;
      const sizeBytes = Math.max(...fitting);
      sizes.push(sizeBytes);
      left -= sizeBytes;
    }
    return await Promise.all(sizes.map(async (sizeBytes) => await this.#offer(sizeBytes)));
  }

  async #offer(sizeBytes: number | undefined): Promise<Offer> {
    this.#issued += 1;
    const id = makeId(this.idsFrom + this.#issued);
    this.contracts.set(id, { startedAt: this.#now(), settled: new Map() });
    const challenge = this.#challenge(id);
    await this.delays.offer;
    const source: ChunkSource =
      this.kind === 'url'
        ? { kind: 'url', url: `http://node/${id}` }
        : { kind: 'secret', secret: `secret${this.#issued}` };
    return { id, reference: id, source, sizeBytes, challenge, intervalMs: this.intervalMs };
  }

  async listContracts(token: string): Promise<Listing> {
    this.#check('due', token);
    if (this.faults.rejectsListings) throw new NodeError('no_token', 'due', 'unknown token');
    const held = this.faults.listsNothing ? [] : [...this.contracts].filter(([id]) => !this.faults.unreadable.has(id));
    const open = held.filter(([id, { settled }]) => this.faults.listsSettled || !settled.has(this.#round(id)));
    const listing = {
      held: new Set(held.map(([id]) => id)),
      open: new Map(this.faults.hidesChallenges ? [] : open.map(([id]) => [id, this.#challenge(id)])),
      skipped: {
        invalid_contract: this.faults.unreadableEntries + this.faults.unreadable.size,
        invalid_challenge: 0,
        surplus: 0,
      },
    };
    await this.delays.listing;
    return listing;
  }

  async answer(token: string, answers: readonly Answer[], options: CallOptions = {}): Promise<Verdict[]> {
    return await Promise.all(answers.map(async (answer) => await this.#answer(token, answer, options)));
  }

  async #answer(token: string, { id, response }: Answer, { signal, timeoutMs }: CallOptions): Promise<Verdict> {
    this.timeouts.push(timeoutMs);
    this.#check('challenge', token);
    const contract = this.contracts.get(id);
    if (contract === undefined) throw new NodeError('no_hash', 'challenge', 'unknown');
    this.answers.push(response);
    if (this.faults.isSilent)
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    const round = this.#round(id);
    if (response !== `${id}:${this.#challenge(id)}`) this.wrong.push(response);
    if (this.#acknowledged.has(response)) this.afterAcknowledgement.push(response);
    const passed =
      contract.settled.get(round) ?? (!this.faults.rejectsAnswers && response === `${id}:${this.#challenge(id)}`);
    contract.settled.set(round, passed);
    if (this.faults.lostResponses > 0) {
      this.faults.lostResponses -= 1;
      throw new NodeError('unreachable', 'challenge', 'response lost');
    }
    this.#acknowledged.add(response);
    await this.delays.answer();
    return passed ? 'passed' : 'failed';
  }

  async release(token: string, { id }: NodeContract): Promise<void> {
    this.#check('remove', token);
    if (this.faults.failsReleases) throw new NodeError('unreachable', 'remove', 'down');
    if (this.faults.rejectsRelease === id) throw new NodeError('rejected', 'remove', 'no');
    await this.delays.release;
    if (!this.contracts.delete(id)) throw new NodeError('no_hash', 'remove', 'unknown');
    this.released.push(id);
    if (this.faults.losesReleases) throw new NodeError('unreachable', 'remove', 'response lost');
  }

  #now(): number {
    return this.clock.now() + this.faults.aheadMs;
  }

  #round(id: ContractId): number {
    return Math.floor((this.#now() - (this.contracts.get(id)?.startedAt ?? 0)) / this.intervalMs);
  }

  #challenge(id: ContractId): string {
    return `${Number.parseInt(id, 16)}.${this.#round(id)}`;
  }

  #check(route: 'new' | 'chunk' | 'due' | 'challenge' | 'remove', token?: string): void {
    this.calls += 1;
    if (this.faults.busyForMs !== undefined) {
      throw new NodeError('http_error', route, 'busy', { retryAfterMs: this.faults.busyForMs });
    }
    if (this.faults.isDown) throw new NodeError('unreachable', route, 'down');
    if (token !== undefined && token !== this.token) throw new NodeError('no_token', route, 'unknown token');
  }
}

/** Chunks in memory. */
export class FakeChunks implements ChunkPort {
  readonly present = new Set<ContractId>();
  readonly corrupt = new Set<ContractId>();
  /** The errors of the next creations. */
  failures: ChunkError[] = [];
  attempts = 0;
  readonly created: ContractId[] = [];
  /** Delays the creation of a chunk. */
  createTime: () => Promise<void> = async () => {};
  /** Delays deletions. */
  removeGate: Promise<void> | undefined;
  /** Fails every deletion. */
  failsDeletions = false;
  readonly verified: ContractId[] = [];
  /** Delays proofs. */
  gate: Promise<void> | undefined;

  async create({ id }: ChunkTerms): Promise<void> {
    this.attempts += 1;
    const failure = this.failures.shift();
    if (failure) throw failure;
    this.created.push(id);
    await this.createTime();
    this.present.add(id);
    this.corrupt.delete(id);
  }

  /** Delays a proof. */
  proofTime: () => Promise<void> = async () => {};

  prove(requests: readonly ProofRequest[]): Promise<ProofOutcome>[] {
    let previous: Promise<unknown> = this.gate ?? Promise.resolve();
    return requests.map((request) => {
      const proof = this.#proveAfter(previous, request);
      previous = proof;
      return proof;
    });
  }

  async #proveAfter(previous: Promise<unknown>, { chunk: { id }, challenge }: ProofRequest): Promise<ProofOutcome> {
    await previous;
    try {
      await this.proofTime();
      this.#assertIntact(id);
      return { response: `${id}:${challenge}` };
    } catch (error) {
      if (error instanceof ChunkError) return { error };
      throw error;
    }
  }

  #assertIntact(id: ContractId): void {
    if (!this.present.has(id)) throw new ChunkError('unreadable', 'gone');
    if (this.corrupt.has(id)) throw new ChunkError('corrupt', 'corrupt');
  }

  async verify({ id }: ChunkTerms): Promise<void> {
    this.verified.push(id);
    await this.gate;
    await this.proofTime();
    this.#assertIntact(id);
  }

  async remove(id: ContractId): Promise<void> {
    await this.removeGate;
    if (this.failsDeletions) throw new ChunkError('unreadable', 'not deleted');
    this.present.delete(id);
  }
}

/** Tags in memory. Those named `invalid` are rejected. */
export class FakeTags implements TagPort {
  readonly ids = new Set<ContractId>();
  challengeCount: number | undefined;

  async save(tags: readonly { readonly id: ContractId; readonly received: ReceivedTag }[]): Promise<SavedTag[]> {
    return tags.map(({ id, received }) => {
      if (received.tag === 'invalid') return 'invalid';
      this.ids.add(id);
      return { challengeCount: this.challengeCount };
    });
  }

  remove(id: ContractId): void {
    this.ids.delete(id);
  }
}

/** State in memory. It can be passed to the next farmer, as after a restart. */
export class MemoryStore implements StorePort, TokenStorePort, ExitStorePort, ScrubStorePort, ClockStorePort {
  readonly rows = new Map<ContractId, StoredContract>();
  readonly results: Record<string, number> = {};
  saved: string | undefined;
  full = false;

  insert(...contracts: readonly StoredContract[]): void {
    this.#write();
    for (const contract of contracts) this.rows.set(contract.terms.id, contract);
  }
  update(contract: StoredContract, outcome?: StoredOutcome): void {
    this.#write();
    this.rows.set(contract.terms.id, contract);
    if (outcome === undefined) return;
    const { total } = outcome;
    if (total !== undefined) this.results[total.name] = total.count;
    this.entries.push(outcome.entry);
  }
  remove(id: ContractId): void {
    this.#write();
    this.rows.delete(id);
  }
  /** How many transactions there were. */
  batches = 0;
  inBatch(work: () => void): void {
    this.batches += 1;
    work();
  }
  contracts = () => [...this.rows.values()];
  tally = (): Tally => ({ ...EMPTY_TALLY, ...this.results });
  readonly entries: JournalEntry[] = [];
  savedExitState: ExitState = 'active';
  scrubbed: StoredScrub | undefined;
  exitState = () => this.savedExitState;
  scrub = () => this.scrubbed;
  token = () => this.saved;
  offsets: ClockOffsets | undefined;
  clockOffsets = () => this.offsets;
  saveClockOffsets(offsets: ClockOffsets): void {
    this.#write();
    this.offsets = offsets;
  }
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
  savedApi: NodeApi | undefined;
  api = () => this.savedApi;
  saveApi(api: NodeApi): void {
    this.#write();
    if (this.savedApi !== undefined) this.saved = undefined;
    this.savedApi = api;
  }
  #write(): void {
    if (this.full) throw new Error('database or disk is full');
  }
}

/** Records all outcomes. */
export class FakeOutcomes implements OutcomePort {
  passes: number[] = [];
  failures: { reason: FailureReason; count: number }[] = [];
  rejections: RejectionReason[] = [];
  ends: EndReason[] = [];

  waits: number[] = [];
  skipped: string[] = [];

  unknown = 0;

  roundsSettled = ({ outcome, count }: JournalEntry) => {
    if (outcome === 'unknown') this.unknown += count;
  };
  losses: number[] = [];
  timeLost = (ms: number) => void this.losses.push(ms);
  challengePassed = (slackMs: number) => void this.passes.push(slackMs);
  challengeFailed = (reason: FailureReason, count: number) => void this.failures.push({ reason, count });
  contractRejected = (reason: RejectionReason) => void this.rejections.push(reason);
  contractEnded = (reason: EndReason) => void this.ends.push(reason);
  acceptances = 0;
  contractAccepted = () => void this.acceptances++;
  rebuilds = 0;
  chunkRebuilt = () => void this.rebuilds++;
  proofStarted = (waitMs: number) => void this.waits.push(waitMs);
  emptyChallenges = 0;
  emptyChallenge = () => void this.emptyChallenges++;
  entriesSkipped = (reason: SkipReason, count: number) => void this.skipped.push(`${reason} ${count}`);
}

/** Disks with space for this many bytes of chunks. */
export function createFreeSpace() {
  const space = { bytes: Number.POSITIVE_INFINITY };
  return Object.assign(space, { availableBytes: (pending: ChunkSpace) => Math.max(0, space.bytes - pending.bytes) });
}

type AnyFakeNode = NodePort & NodeClockPort & { readonly clock: FakeClock; supply: number };

interface FarmerFakes<N extends AnyFakeNode> {
  readonly contracts?: number;
  readonly chunkBytes?: number;
  /** 'default' derives it from the contracts' intervals. */
  readonly pollIntervalMs?: number | 'default';
  /** No scrub by default. */
  readonly scrubCycleMs?: number;
  readonly node: N;
  readonly chunks?: FakeChunks;
  readonly tags?: FakeTags;
  readonly store?: MemoryStore;
}

/** A farmer of a prototype node with fakes, which can be passed to the next one, as after a restart. */
export function aFarmer({ contracts = 3, node, ...fakes }: Partial<FarmerFakes<FakeNode>> = {}) {
  const theNode = node ?? Object.assign(new FakeNode(new FakeClock()), { supply: contracts });
  return aFarmerOf({ contracts, node: theNode, ...fakes });
}

/** A farmer with fakes. */
export function aFarmerOf<N extends AnyFakeNode>({
  contracts = 3,
  chunkBytes = 1,
  pollIntervalMs = 2_000,
  scrubCycleMs,
  node,
  chunks = new FakeChunks(),
  tags = new FakeTags(),
  store = new MemoryStore(),
}: FarmerFakes<N>) {
  const { clock } = node;
  const outcomes = new FakeOutcomes();
  const log = new FakeLogger();
  const random = { next: () => 0.5 };
  const freeSpace = createFreeSpace();
  const circuit: { retryAfterMs: number | undefined } = { retryAfterMs: undefined };
  const scrubs: Record<ScrubResult, number> = { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 };
  const table = ContractTable.load({ chunkBytes }, { store, outcomes, clock, log });
  const intervalMs = pollIntervalMs === 'default' ? undefined : pollIntervalMs;
  const farmer = new Farmer(
    { workers: 2, scrubCycleMs, address: 'a', pollIntervalMs: intervalMs },
    {
      nodes: [
        {
          alias: 'node',
          node,
          chunks,
          tags,
          circuit,
          nodeClock: node,
          tokens: store,
          exitStore: store,
          clockStore: store,
          contracts: table,
          outcomes,
          log,
        },
      ],
      contracts: new ContractTables([table]),
      capacity: new CapacityShares(
        [contracts * chunkBytes],
        [{ share: 1, node: node, contracts: table, exitStore: store }],
      ),
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
    node,
    chunks,
    tags,
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
