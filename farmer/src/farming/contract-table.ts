import { type Clock, forEachInSlices, type Instant, type Logger } from '@downstream/platform';
import type { Load } from '../contract/admission.ts';
import { advance, type Settlement } from '../contract/advance.ts';
import { type ChunkSpace, NO_SPACE } from '../contract/capacity.ts';
import {
  acceptContract,
  type ChunkTerms,
  type Contract,
  type ContractEvent,
  type ContractId,
  dueAt,
  getLastDeadline,
  getOpenChallenge,
  type Phase,
  type RoundContext,
  restoreContract,
  type Terms,
} from '../contract/contract.ts';
import { type Deadline, DeadlineQueue } from '../contract/deadline-queue.ts';
import { addLostTime } from '../contract/lost-time.ts';
import {
  EMPTY_TALLY,
  type EndReason,
  type OutcomePort,
  type RejectionReason,
  type StoredContract,
  type StorePort,
  type Tally,
} from './ports.ts';
import { RepairCounts, type Repairs } from './repair-counts.ts';
import { ValueCounts } from './value-counts.ts';

/** Receives a contract whenever it enters a phase or gets a new challenge. */
export type PhaseListener = (contract: Contract) => void;

/** A contract to accept, with its first challenge. */
export interface NewContract {
  readonly terms: Terms;
  readonly challenge: string;
}

export interface ContractTableOptions {
  /** The size of a chunk whose contract does not state it: that of the genesis file. */
  readonly chunkBytes: number;
}

interface ContractTableDeps {
  readonly store: StorePort;
  readonly outcomes: OutcomePort;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
}

/** The deadline queue is rebuilt when outdated entries outnumber the current ones by more than this. */
const MAX_EXTRA_DEADLINES = 16;

/**
 * All contracts of one node, and the only place where a contract changes. For each event the table computes the next
 * state, writes what must survive a restart, counts the outcome and notifies the listener of a new phase.
 *
 * Invariants: a contract is in the store before it is in the table. The deadline queue contains each contract's current
 * round. A contract that is being removed ignores events and keeps its id until its removal is stored.
 */
export class ContractTable {
  readonly chunkBytes: number;
  readonly #deps: ContractTableDeps;
  readonly #contracts = new Map<ContractId, Contract>();
  readonly #removing = new Set<ContractId>();
  /** Contracts whose removal could not be written to the store yet. */
  readonly #unwrittenRemovals = new Set<Contract>();
  #deadlines = new DeadlineQueue<ContractId>();
  readonly #phases: Record<Phase, number> = { generating: 0, waiting: 0, proving: 0, answering: 0 };
  #bytes = 0;
  /** The size of the chunks that are being generated. */
  #generatingBytes = 0;
  readonly #intervals = new ValueCounts();
  readonly #sizes = new ValueCounts();
  #tally: Record<keyof Tally, number> = { ...EMPTY_TALLY };
  #listener: PhaseListener = () => {};
  #requested = NO_SPACE;
  #consecutiveRejections = 0;
  #isWritten = true;
  readonly #repairs = new RepairCounts();
  readonly #ended: Record<EndReason, number> = {
    ended_by_node: 0,
    completed: 0,
    token_lost: 0,
    released: 0,
  };

  private constructor({ chunkBytes }: ContractTableOptions, deps: ContractTableDeps) {
    this.chunkBytes = chunkBytes;
    this.#deps = deps;
  }

  /** Reads the contracts from the store. Until {@link start} they count as contracts without a chunk. */
  static load(options: ContractTableOptions, deps: ContractTableDeps): ContractTable {
    const table = new ContractTable(options, deps);
    table.#tally = { ...deps.store.tally() };
    const now = deps.clock.now();
    for (const { terms, isUnknown, ...stored } of deps.store.contracts({ sizeBytes: options.chunkBytes })) {
      // The system clock may have been ahead when the contract was accepted.
      const acceptedAt = Math.min(terms.acceptedAt, now);
      const unknownUntil = isUnknown ? now : undefined;
      table.#enter(restoreContract({ ...stored, terms: { ...terms, acceptedAt }, unknownUntil }));
    }
    return table;
  }

  /**
   * Passes every contract to `listener`, now and whenever its phase changes.
   *
   * @param hasChunk whether the contract's chunk is on disk
   */
  start(listener: PhaseListener, hasChunk: (id: ContractId) => boolean): void {
    const now = this.#deps.clock.now();
    this.#listener = listener;
    for (const stored of [...this.#contracts.values()]) {
      const contract = hasChunk(stored.terms.id) ? advance(stored, { type: 'chunk_found' }, now).contract : stored;
      this.#replace(stored, contract);
      listener(contract);
    }
    this.#repairs.chunksFound();
  }

  /** @returns undefined for a contract that is not in the table or is being removed */
  get(id: ContractId): Contract | undefined {
    return this.#removing.has(id) ? undefined : this.#contracts.get(id);
  }

  /** The ids of all contracts except those being removed. */
  ids(): ContractId[] {
    return [...this.#contracts.keys()].filter((id) => !this.#removing.has(id));
  }

  /** Like {@link get}, but also finds a contract that is being removed. */
  findChunk(id: ContractId): ChunkTerms | undefined {
    return this.#contracts.get(id)?.terms;
  }

  /** Whether the id is in use, also by a contract that is being removed. */
  has(id: ContractId): boolean {
    return this.#contracts.has(id);
  }

  get size(): number {
    return this.#contracts.size;
  }

  /** The number of contracts in each phase. */
  get phases(): Readonly<Record<Phase, number>> {
    return this.#phases;
  }

  /** Outcomes since the data directory was created. */
  get tally(): Tally {
    return this.#tally;
  }

  /** The number of contracts that ended since the start, by reason. */
  get ended(): Readonly<Record<EndReason, number>> {
    return this.#ended;
  }

  get repairs(): Repairs {
    return this.#repairs.current;
  }

  /** Whether the last write to the store succeeded. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** The size of all chunks that are on disk or being generated. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The chunks that are being generated. */
  get generating(): ChunkSpace {
    return { bytes: this.#generatingBytes, chunks: this.#phases.generating };
  }

  /** The sizes of the smallest and the largest chunk; undefined without contracts. */
  get chunkSizes(): { readonly smallest: number; readonly largest: number } | undefined {
    const { smallest, largest } = this.#sizes;
    return smallest === undefined || largest === undefined ? undefined : { smallest, largest };
  }

  /** Rejections since a chunk was last stored. While they grow, contracts are requested less often. */
  get consecutiveRejections(): number {
    return this.#consecutiveRejections;
  }

  get shortestIntervalMs(): number | undefined {
    return this.#intervals.smallest;
  }

  get load(): Load {
    let challengesPerMs = 0;
    for (const [intervalMs, count] of this.#intervals.entries()) challengesPerMs += count / intervalMs;
    return { contracts: this.#contracts.size, challengesPerMs };
  }

  /** The next deadline of any contract. */
  get nextDueAt(): Instant | undefined {
    for (let first = this.#deadlines.peek(); first !== undefined; first = this.#deadlines.peek()) {
      if (this.#isCurrent(first)) return first.dueAt;
      this.#deadlines.pop();
    }
    return undefined;
  }

  /** The `count` contracts with the next deadlines, in order. Visits every contract: not for use in a loop. */
  listNextDue(count: number): Contract[] {
    const found: Contract[] = [];
    for (const contract of this.#contracts.values()) {
      if (contract.isLapsed) continue;
      const last = found[count - 1];
      if (last !== undefined && dueAt(contract) >= dueAt(last)) continue;
      const before = found.findIndex((other) => dueAt(other) > dueAt(contract));
      found.splice(before === -1 ? found.length : before, 0, contract);
      if (found.length > count) found.pop();
    }
    return found;
  }

  /** How many contracts will have had all their challenges before `instant`. Visits every contract. */
  countEndingBefore(instant: Instant): number {
    let count = 0;
    for (const contract of this.#contracts.values()) if ((getLastDeadline(contract) ?? instant) < instant) count += 1;
    return count;
  }

  /** `count` contracts after the first `skip`, in the order of acceptance. */
  list({ skip, count }: { skip: number; count: number }): Contract[] {
    return [...this.#contracts.values().drop(skip).take(count)];
  }

  /** Whether contracts are being requested: the node may already list some that have not arrived here. */
  get isRequesting(): boolean {
    return this.#requested.chunks > 0;
  }

  /** The space that the contracts being requested may need as soon as they arrive. */
  get requested(): ChunkSpace {
    return this.#requested;
  }

  async whileRequesting<T>(space: ChunkSpace, request: () => Promise<T>): Promise<T> {
    this.#requested = space;
    try {
      return await request();
    } finally {
      this.#requested = NO_SPACE;
    }
  }

  /** Adds contracts, which are in the store when this returns. Throws the store's error and then adds none. */
  add(accepted: readonly NewContract[]): void {
    const now = this.#deps.clock.now();
    const contracts = accepted.map(({ terms, challenge }) => acceptContract(terms, challenge, now));
    this.#deps.store.insert(...contracts.map(toStoredContract));
    for (const contract of contracts) {
      this.#enter(contract);
      this.#deps.outcomes.contractAccepted();
      this.#listener(contract);
    }
  }

  /**
   * Runs `work`, and stores all that it changes in one transaction. If that fails, the next write of each contract
   * stores its complete state.
   */
  inBatch(work: () => void): void {
    let isComplete = false;
    try {
      this.#deps.store.inBatch(() => {
        work();
        isComplete = true;
      });
    } catch (error) {
      if (!isComplete) throw error;
      this.#deps.log.error('state write failed', { error });
      this.#isWritten = false;
    }
  }

  /** Applies an event to a contract. Does nothing if the contract is not in the table or is being removed. */
  apply(id: ContractId, event: ContractEvent): void {
    const before = this.get(id);
    if (before === undefined) return;
    const { contract, settlement } = advance(before, event, this.#deps.clock.now());
    if (event.type === 'chunk_stored') this.#consecutiveRejections = 0;
    if (contract === before) return;
    this.#replace(before, contract);
    if (event.type === 'chunk_stored' && before.phase === 'generating' && before.hadChunk) {
      this.#repairs.chunkRebuilt();
      this.#deps.outcomes.chunkRebuilt();
      this.#deps.log.info('chunk rebuilt', { contract: id });
    }
    if (dueAt(contract) !== dueAt(before) || contract.isLapsed !== before.isLapsed) this.#enqueue(contract);
    if (settlement) this.#settle(contract, settlement);
    else if (before.phase === 'generating' && contract.phase !== 'generating')
      this.#write(contract.terms.id, (store) => store.update(toStoredContract(contract)));
    if (contract.phase !== before.phase || getOpenChallenge(contract) !== getOpenChallenge(before))
      this.#listener(contract);
  }

  /**
   * Settles every round that is over. Does not visit contracts that are not due.
   *
   * @param isOutcomePending contracts whose rounds must wait until the node shows how they have ended
   */
  sweep(context: RoundContext, isOutcomePending: (id: ContractId) => boolean = () => false): void {
    for (const contract of this.#unwrittenRemovals) if (!this.#delete(contract)) break;
    const now = this.#deps.clock.now();
    const postponed: Deadline<ContractId>[] = [];
    while ((this.#deadlines.peek()?.dueAt ?? Number.POSITIVE_INFINITY) <= now) {
      const next = this.#deadlines.pop();
      if (next === undefined || !this.#isCurrent(next)) continue;
      if (!isOutcomePending(next.value)) this.apply(next.value, { type: 'tick', ...context });
      // Still current: the contract may have ended, or a rounding error puts the deadline just after now.
      if (this.#isCurrent(next)) postponed.push(next);
    }
    for (const deadline of postponed) this.#deadlines.push(deadline);
  }

  /**
   * Adds time that the clock did not see to the current round of every contract. The next sweep settles the rounds that
   * are over.
   *
   * @param acceptedBefore later contracts did not exist when the time was lost
   */
  async addLostTime(ms: number, acceptedBefore: Instant): Promise<void> {
    await forEachInSlices(this.ids(), (id) => {
      const before = this.get(id);
      if (before === undefined || before.terms.acceptedAt > acceptedBefore) return;
      const after = addLostTime(before, ms);
      this.#replace(before, after);
      this.#enqueue(after);
    });
  }

  /** Counts a contract that is rejected because of its chunk. */
  countRejection(id: ContractId, reason: RejectionReason): void {
    this.#consecutiveRejections += 1;
    this.#deps.outcomes.contractRejected(reason);
    this.#deps.log.warn('contract rejected', { contract: id, reason });
  }

  /** Counts a contract that is over. */
  countEnd(id: ContractId, reason: EndReason): void {
    this.#ended[reason] += 1;
    this.#deps.outcomes.contractEnded(reason);
    // The operator asked for a release.
    if (reason === 'released') this.#deps.log.info('contract released', { contract: id });
    else if (reason === 'completed') this.#deps.log.info('contract completed', { contract: id });
    else this.#deps.log.warn('contract ended', { contract: id, reason });
  }

  /**
   * Removes a contract: first its chunk, then its row in the store. After a crash in between, the next start finds a
   * contract without a chunk and handles it.
   *
   * @param deleteChunk must not throw
   */
  async remove(id: ContractId, deleteChunk: () => Promise<void>): Promise<void> {
    const contract = this.get(id);
    if (contract === undefined) return;
    this.#removing.add(id);
    await deleteChunk();
    this.#delete(contract);
  }

  /** Keeps a contract whose removal can't be written, since the next start would restore it anyway. */
  #delete(contract: Contract): boolean {
    const { id } = contract.terms;
    if (!this.#write(id, (store) => store.remove(id))) {
      this.#unwrittenRemovals.add(contract);
      return false;
    }
    this.#unwrittenRemovals.delete(contract);
    this.#contracts.delete(id);
    this.#removing.delete(id);
    this.#count(contract, -1);
    this.#countPhase(contract, -1);
    this.#repairs.moved(contract, undefined);
    return true;
  }

  /** A failed write, for example on a full disk, costs no contract: the next write stores the complete state. */
  #write(id: ContractId, work: (store: StorePort) => void): boolean {
    try {
      work(this.#deps.store);
      this.#isWritten = true;
    } catch (error) {
      this.#deps.log.error('state write failed', { contract: id, error });
      this.#isWritten = false;
    }
    return this.#isWritten;
  }

  #enter(contract: Contract): void {
    this.#contracts.set(contract.terms.id, contract);
    this.#count(contract, 1);
    this.#countPhase(contract, 1);
    this.#repairs.moved(undefined, contract);
    this.#enqueue(contract);
  }

  #replace(before: Contract, after: Contract): void {
    this.#contracts.set(after.terms.id, after);
    this.#countPhase(before, -1);
    this.#countPhase(after, 1);
    this.#repairs.moved(before, after);
  }

  /** Outdated entries stay in the queue until their time comes, or until they outnumber the current ones. */
  #enqueue(contract: Contract): void {
    this.#deadlines.push(toDeadline(contract));
    if (this.#deadlines.length <= 2 * this.#contracts.size + MAX_EXTRA_DEADLINES) return;
    this.#deadlines = new DeadlineQueue([...this.#contracts.values()].map(toDeadline));
  }

  #count({ terms: { intervalMs, sizeBytes } }: Contract, by: 1 | -1): void {
    this.#bytes += by * sizeBytes;
    this.#intervals.count(intervalMs, by);
    this.#sizes.count(sizeBytes, by);
  }

  #countPhase({ phase, terms }: Contract, by: 1 | -1): void {
    this.#phases[phase] += by;
    if (phase === 'generating') this.#generatingBytes += by * terms.sizeBytes;
  }

  #isCurrent(deadline: Deadline<ContractId>): boolean {
    const contract = this.get(deadline.value);
    return contract !== undefined && !contract.isLapsed && dueAt(contract) === deadline.dueAt;
  }

  #settle(contract: Contract, { entry, slackMs }: Settlement): void {
    const { outcomes, log, clock } = this.#deps;
    const { id } = contract.terms;
    const { outcome, count, cause } = entry;
    const total = outcome === 'unknown' ? undefined : { name: outcome, count: this.#tally[outcome] + count };
    if (total !== undefined) this.#tally[total.name] = total.count;
    this.#write(id, (store) => store.update(toStoredContract(contract), { total, entry }));
    outcomes.roundsSettled(entry);
    if (outcome === 'unknown') {
      log.debug('challenge result unknown', { contract: id, count });
      return;
    }
    if (outcome === 'passed') {
      outcomes.challengePassed(slackMs ?? 0, clock.now());
      log.debug('challenge passed', { contract: id, slackMs: Math.round(slackMs ?? 0) });
      return;
    }
    outcomes.challengeFailed(outcome, count, slackMs);
    log.warn('challenge failed', {
      contract: id,
      reason: outcome,
      cause,
      ...(count > 1 && { count }),
      ...(slackMs !== undefined && { slackMs: Math.round(slackMs) }),
    });
  }
}

function toStoredContract(contract: Contract): StoredContract {
  const { terms, round, settled, isLapsed, phase, unknownUntil } = contract;
  const hadChunk = phase !== 'generating' || contract.hadChunk;
  return { terms, round, settled, isLapsed, hadChunk, isUnknown: unknownUntil !== undefined };
}

function toDeadline(contract: Contract): Deadline<ContractId> {
  return { dueAt: dueAt(contract), value: contract.terms.id };
}
