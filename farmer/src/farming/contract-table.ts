import { type Clock, type Instant, type Logger, waitAtMost } from '@downstream/platform';
import pLimit from 'p-limit';
import type { Load } from '../contract/admission.ts';
import { advance } from '../contract/advance.ts';
import type { RoundContext } from '../contract/contract.ts';
import {
  type Contract,
  type ContractEvent,
  type ContractId,
  dueAt,
  getOpenChallenge,
  type Phase,
  resume,
  type Settlement,
  type Terms,
  take,
} from '../contract/contract.ts';
import { type Deadline, DeadlineQueue } from '../contract/deadline-queue.ts';
import {
  type ChunkPort,
  EMPTY_TALLY,
  type EndReason,
  type OutcomePort,
  type RejectionReason,
  type StoredContract,
  type StorePort,
  type Tally,
} from './ports.ts';

/** Who takes up the work that a contract's new phase asks for. */
export type PhaseListener = (contract: Contract) => void;

/** How much of the room is this node's. */
export interface ContractTableOptions {
  readonly capacityContracts: number;
  readonly chunkBytes: number;
}

interface ContractTableDeps {
  readonly store: StorePort;
  readonly chunks: Pick<ChunkPort, 'remove'>;
  readonly outcomes: OutcomePort;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A disk that hangs keeps nobody waiting for longer; what it still has goes at the next start. */
const DELETE_TIMEOUT_MS = 5_000;
const DELETION_CONCURRENCY = 4;
const FEW_DEADLINES = 16;

/**
 * Every contract held for one node, and the only place where one changes. An event goes in; the pure step is taken, what
 * must outlive the process is written before anything follows from it, outcomes are counted, and the listener is told
 * of each new phase.
 *
 * Invariants: a contract is in the store before it is in here; each one has an entry in the deadline queue for its
 * present round; one that is going (its chunk being deleted) takes no events and keeps its id occupied until it is gone.
 */
export class ContractTable {
  readonly #options: ContractTableOptions;
  readonly #deps: ContractTableDeps;
  readonly #contracts = new Map<ContractId, Contract>();
  readonly #going = new Set<ContractId>();
  /** Those whose end could not be written down yet. */
  readonly #unwritten = new Set<Contract>();
  #deadlines = new DeadlineQueue<ContractId>();
  readonly #phases: Record<Phase, number> = { generating: 0, waiting: 0, proving: 0, answering: 0 };
  readonly #intervals = new Map<number, number>();
  #tally: Record<keyof Tally, number> = { ...EMPTY_TALLY };
  #listener: PhaseListener = () => {};
  readonly #deletions = pLimit(DELETION_CONCURRENCY);
  #consecutiveRejections = 0;
  #isWritten = true;
  readonly #ended: Record<EndReason, number> = { ended_by_node: 0, token_lost: 0, released: 0 };

  constructor(options: ContractTableOptions, parts: ContractTableDeps) {
    this.#options = options;
    this.#deps = parts;
  }

  /** From here on, `listener` hears of every contract that enters a phase. */
  onPhaseChange(listener: PhaseListener): void {
    this.#listener = listener;
  }

  /** Goes on with what the store holds. `hasChunk` says whether a contract's file is really there. */
  resume(hasChunk: (id: ContractId) => boolean): void {
    this.#tally = { ...this.#deps.store.tally() };
    for (const stored of this.#deps.store.contracts()) {
      const contract = resume(stored, hasChunk(stored.terms.id) ? 'there' : stored.hadChunk ? 'lost' : 'never');
      this.#enter(contract);
      this.#listener(contract);
    }
  }

  get(id: ContractId): Contract | undefined {
    return this.#going.has(id) ? undefined : this.#contracts.get(id);
  }

  /** Ids held, those on their way out left out. */
  ids(): ContractId[] {
    return [...this.#contracts.keys()].filter((id) => !this.#going.has(id));
  }

  has(id: ContractId): boolean {
    return this.#contracts.has(id);
  }

  get size(): number {
    return this.#contracts.size;
  }

  /** How many contracts are in each phase. */
  get phases(): Readonly<Record<Phase, number>> {
    return this.#phases;
  }

  /** Outcomes since this data directory began. */
  get tally(): Tally {
    return this.#tally;
  }

  /** How many contracts ended since the start, by reason. */
  get ended(): Readonly<Record<EndReason, number>> {
    return this.#ended;
  }

  /** Whether what there was to write down last could be. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** Bytes of the chunks held or being made. */
  get bytes(): number {
    return this.#contracts.size * this.#options.chunkBytes;
  }

  get capacityBytes(): number {
    return this.#options.capacityContracts * this.#options.chunkBytes;
  }

  /** How many contracts fit in all. */
  get capacityContracts(): number {
    return this.#options.capacityContracts;
  }

  /** Contracts refused since a chunk last came out sound: while it grows, taking more is of no use. */
  get consecutiveRejections(): number {
    return this.#consecutiveRejections;
  }

  /** How many more contracts fit. */
  get wanted(): number {
    return Math.max(0, this.#options.capacityContracts - this.#contracts.size);
  }

  /** The shortest interval of any contract, in milliseconds. */
  get shortestIntervalMs(): number | undefined {
    let shortest: number | undefined;
    for (const intervalMs of this.#intervals.keys()) shortest = Math.min(shortest ?? intervalMs, intervalMs);
    return shortest;
  }

  /** The work that the contracts make. */
  get load(): Load {
    let challengesPerMs = 0;
    for (const [intervalMs, count] of this.#intervals) challengesPerMs += count / intervalMs;
    return { contracts: this.#contracts.size, challengesPerMs };
  }

  /** When the next round ends. */
  get nextDueAt(): Instant | undefined {
    for (let first = this.#deadlines.peek(); first !== undefined; first = this.#deadlines.peek()) {
      if (this.#isCurrent(first)) return first.dueAt;
      this.#deadlines.pop();
    }
    return undefined;
  }

  /** The contracts that fall due next, soonest first. Looks at every contract: for people, not for a loop. */
  soonest(count: number): Contract[] {
    const found: Contract[] = [];
    for (const contract of this.#contracts.values()) {
      const last = found[count - 1];
      if (last !== undefined && dueAt(contract) >= dueAt(last)) continue;
      const before = found.findIndex((other) => dueAt(other) > dueAt(contract));
      found.splice(before === -1 ? found.length : before, 0, contract);
      if (found.length > count) found.pop();
    }
    return found;
  }

  /** Takes a contract on: it is in the store when this returns. Throws the store's error, and then has not taken it. */
  add(terms: Terms, challenge: string): void {
    const contract = take(terms, challenge, this.#deps.clock.now());
    this.#deps.store.insert(toStoredContract(contract));
    this.#enter(contract);
    this.#deps.outcomes.taken();
    this.#listener(contract);
  }

  /** Something happened to a contract; one that is not held, or on its way out, is none of our business. */
  apply(id: ContractId, event: ContractEvent): void {
    const before = this.get(id);
    if (before === undefined) return;
    const { contract, settlement } = advance(before, event, this.#deps.clock.now());
    if (event.type === 'chunk_stored') this.#consecutiveRejections = 0;
    if (contract === before) return;
    this.#contracts.set(id, contract);
    this.#phases[before.phase] -= 1;
    this.#phases[contract.phase] += 1;
    if (event.type === 'chunk_stored' && before.phase === 'generating' && before.again) this.#countRepair(id);
    if (dueAt(contract) !== dueAt(before)) this.#queue(contract);
    if (settlement) this.#settle(contract, settlement);
    else if (before.phase === 'generating' && contract.phase !== 'generating')
      this.#write(contract.terms.id, (store) => store.update(toStoredContract(contract)));
    if (contract.phase !== before.phase || getOpenChallenge(contract) !== getOpenChallenge(before))
      this.#listener(contract);
  }

  /**
   * Settles every round that is over. Costs nothing for contracts that are not due.
   *
   * @param mayHaveEnded contracts that may have ended: their rounds wait until that is known
   */
  sweep(witness: RoundContext, mayHaveEnded: (id: ContractId) => boolean = () => false): void {
    for (const contract of this.#unwritten) if (!this.#forget(contract)) break;
    const now = this.#deps.clock.now();
    const later: Deadline<ContractId>[] = [];
    for (
      let first = this.#deadlines.peek();
      first !== undefined && first.dueAt <= now;
      first = this.#deadlines.peek()
    ) {
      this.#deadlines.pop();
      if (!this.#isCurrent(first)) continue;
      if (!mayHaveEnded(first.value)) this.apply(first.value, { type: 'tick', ...witness });
      // Left as it was: in doubt, or not quite over by the last bit of a fraction.
      if (this.#isCurrent(first)) later.push(first);
    }
    for (const deadline of later) this.#deadlines.push(deadline);
  }

  /** A contract whose chunk can't be made sound is not kept. */
  async refuse(id: ContractId, reason: RejectionReason): Promise<void> {
    this.#countRejection(id, reason);
    await this.#drop(id);
  }

  /** A contract that is offered while it is held: the one held is left alone. */
  rejectDuplicate(id: ContractId): void {
    this.#countRejection(id, 'duplicate');
  }

  /** A contract that is over. Never throws: what can't be deleted is logged. */
  async end(id: ContractId, reason: EndReason): Promise<void> {
    if (this.get(id) === undefined) return;
    this.#ended[reason] += 1;
    this.#deps.outcomes.ended(reason);
    this.#deps.log.warn('contract ended', { contract: id, reason });
    await this.#drop(id);
  }

  #countRepair(id: ContractId): void {
    this.#deps.outcomes.repaired();
    this.#deps.log.info('chunk made again', { contract: id });
  }

  #countRejection(id: ContractId, reason: RejectionReason): void {
    this.#consecutiveRejections += 1;
    this.#deps.outcomes.refused(reason);
    this.#deps.log.warn('contract refused', { contract: id, reason });
  }

  /** The chunk goes first: a crash in between leaves a contract without a chunk, which a restart sorts out, not an orphan. */
  async #drop(id: ContractId): Promise<void> {
    const contract = this.get(id);
    if (contract === undefined) return;
    const { chunks, clock, log } = this.#deps;
    this.#going.add(id);
    try {
      await this.#deletions(async () => await waitAtMost(DELETE_TIMEOUT_MS, chunks.remove(id), clock));
    } catch (error) {
      log.error('chunk not deleted', { contract: id, error });
    }
    this.#forget(contract);
  }

  /** As long as it can't be written down that a contract is over it is not: the next start would find it again. */
  #forget(contract: Contract): boolean {
    const { id, intervalMs } = contract.terms;
    const isWritten = this.#write(id, (store) => store.remove(id));
    if (!isWritten) {
      this.#unwritten.add(contract);
      return false;
    }
    this.#unwritten.delete(contract);
    this.#contracts.delete(id);
    this.#going.delete(id);
    this.#phases[contract.phase] -= 1;
    this.#countInterval(intervalMs, -1);
    return true;
  }

  /** A disk that is full for a moment costs no contract: what is written next time is the whole truth again. */
  #write(id: ContractId, work: (store: StorePort) => void): boolean {
    try {
      work(this.#deps.store);
      this.#isWritten = true;
    } catch (error) {
      this.#deps.log.error('state not written', { contract: id, error });
      this.#isWritten = false;
    }
    return this.#isWritten;
  }

  #enter(contract: Contract): void {
    this.#contracts.set(contract.terms.id, contract);
    this.#phases[contract.phase] += 1;
    this.#countInterval(contract.terms.intervalMs, 1);
    this.#queue(contract);
  }

  /** What is out of date waits in the queue until its time: where that is more than what is not, it is thrown out. */
  #queue(contract: Contract): void {
    this.#deadlines.push(toDeadline(contract));
    if (this.#deadlines.length <= 2 * this.#contracts.size + FEW_DEADLINES) return;
    this.#deadlines = new DeadlineQueue([...this.#contracts.values()].map(toDeadline));
  }

  #countInterval(intervalMs: number, by: 1 | -1): void {
    const count = (this.#intervals.get(intervalMs) ?? 0) + by;
    if (count > 0) this.#intervals.set(intervalMs, count);
    else this.#intervals.delete(intervalMs);
  }

  #isCurrent(entry: { dueAt: Instant; value: ContractId }): boolean {
    const contract = this.get(entry.value);
    return contract !== undefined && dueAt(contract) === entry.dueAt;
  }

  #settle(contract: Contract, { entry, slackMs }: Settlement): void {
    const { outcomes, log, clock } = this.#deps;
    const { id } = contract.terms;
    const { outcome, count, cause } = entry;
    this.#tally[outcome] += count;
    const total = { name: outcome, count: this.#tally[outcome] };
    this.#write(id, (store) => store.update(toStoredContract(contract), { total, entry }));
    if (outcome === 'passed') {
      outcomes.passed(slackMs ?? 0, clock.now());
      log.debug('challenge passed', { contract: id, slackMs: Math.round(slackMs ?? 0) });
      return;
    }
    outcomes.failed(outcome, count, slackMs);
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
  const { terms, round, settled, phase } = contract;
  return { terms, round, settled, hadChunk: phase !== 'generating' || contract.again };
}

function toDeadline(contract: Contract): Deadline<ContractId> {
  return { dueAt: dueAt(contract), value: contract.terms.id };
}
