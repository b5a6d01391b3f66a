import {
  type ChallengeResult,
  type Contract,
  type EndReason,
  getDueAt,
  getExpiry,
  type ProofRejection,
} from './contract.ts';
import { extendOnlineTime } from './farmer-record.ts';
import { type Farmer, Farmers } from './farmers.ts';
import type { LedgerStore, StoredLedger } from './ledger-store.ts';
import { type HeartbeatChallenges, type RoundOptions, Rounds } from './rounds.ts';

export interface LedgerObserver {
  accepted?(hash: string): void;
  /** @param late whether a wrong answer is the right one to the previous challenge */
  settled?(result: ChallengeResult, count: number, contract: { readonly hash: string; readonly late: boolean }): void;
  /** @param hash as the farmer named the contract */
  proofRejected?(reason: ProofRejection, hash: string): void;
  ended?(reason: EndReason, hash: string): void;
}

export interface ContractTableDeps {
  readonly observer: LedgerObserver;
  /** Draws the challenges of heartbeat contracts. */
  readonly heartbeat?: HeartbeatChallenges | undefined;
  /** Undefined if the ledger exists in memory only. */
  readonly store?: LedgerStore | undefined;
}

/** A contract to add, and the time of its acceptance and of its first challenge. */
type NewContract = Pick<
  Contract,
  'index' | 'token' | 'hash' | 'sizeBytes' | 'proof' | 'challenge' | 'intervalMs' | 'verifier'
>;

interface Settlement {
  readonly response: string;
  readonly passed: boolean;
  readonly late: boolean;
}

/**
 * The contracts of all farmers. Every contract that it returns is in its current round. It stores and reports each
 * change.
 */
export class ContractTable {
  readonly farmers: Farmers;
  readonly #rounds: Rounds;
  readonly #observer: LedgerObserver;
  readonly #store: LedgerStore | undefined;
  /** Running contracts and reservations. */
  #running = 0;

  constructor(options: () => RoundOptions, { observer, heartbeat, store }: ContractTableDeps, stored?: StoredLedger) {
    this.#rounds = new Rounds(options, heartbeat);
    this.#observer = observer;
    this.#store = store;
    this.farmers = new Farmers(store, stored);
    for (const contract of stored?.contracts ?? []) this.#restore({ ...contract, verifier: undefined });
  }

  /** The number of running contracts and reservations. */
  get running(): number {
    return this.#running;
  }

  reserve(): void {
    this.#running += 1;
  }

  cancelReservation(): void {
    this.#running -= 1;
  }

  /** A farmer's contract; undefined if it is unknown or has ended. */
  find(token: string, hash: string, now: number): Contract | undefined {
    const farmer = this.farmers.get(token);
    return farmer && this.#getRunning(farmer, hash, now);
  }

  /** A contract of any farmer. */
  findAny(hash: string, now: number): Contract | undefined {
    for (const farmer of this.farmers.all()) {
      const contract = this.#getRunning(farmer, hash, now);
      if (contract !== undefined) return contract;
    }
    return undefined;
  }

  /** A farmer's contracts in the order of acceptance. */
  *list(farmer: Farmer, now: number): Generator<Contract> {
    for (const hash of farmer.contracts.keys()) {
      const contract = this.#getRunning(farmer, hash, now);
      if (contract !== undefined) yield contract;
    }
  }

  /** Whether a heartbeat contract of the farmer has ended. */
  hasEnded(token: string, hash: string): boolean {
    return this.farmers.get(token)?.ended.has(hash) === true;
  }

  /**
   * Adds the contract of a reservation. It replaces a running contract of the farmer with the same hash.
   *
   * @returns the contract; undefined if the farmer is no longer known, which cancels the reservation
   */
  add(added: NewContract, now: number): Contract | undefined {
    const farmer = this.farmers.get(added.token);
    if (farmer === undefined) {
      this.cancelReservation();
      return undefined;
    }
    const former = farmer.contracts.get(added.hash);
    if (former !== undefined) this.end(former, 'replaced');
    const contract: Contract = {
      ...added,
      acceptedAt: now,
      startedAt: now,
      round: 0,
      settled: undefined,
      consecutiveFailures: 0,
      results: { passed: 0, wrong: 0, unanswered: 0 },
    };
    farmer.contracts.set(contract.hash, contract);
    farmer.record.contracts += 1;
    farmer.record.sizeBytes += contract.sizeBytes;
    this.#save(contract, now);
    this.#observer.accepted?.(contract.hash);
    return contract;
  }

  /** The challenge of a heartbeat contract after `state`; undefined if there are no more challenges. */
  draw(...args: Parameters<HeartbeatChallenges['next']>): ReturnType<HeartbeatChallenges['next']> {
    return this.#rounds.draw(...args);
  }

  /** Opens the challenge of a round. @returns false if there are no more challenges */
  open(contract: Contract, round: number): boolean {
    const isOpen = this.#rounds.open(contract, round);
    if (isOpen) this.#saveRound(contract);
    return isOpen;
  }

  /** Starts the next round now if the current challenge is settled. @returns whether a challenge was opened */
  openEarly(contract: Contract, now: number): boolean {
    const { settled, round, intervalMs } = contract;
    if (settled === undefined || !this.#rounds.open(contract, round + 1)) return false;
    contract.startedAt = now - contract.round * intervalMs;
    this.#saveRound(contract);
    return true;
  }

  replaceChallenge(contract: Contract, challenge: string): void {
    contract.challenge = challenge;
    this.#store?.putContract(contract);
  }

  /** Settles the current challenge of a contract. */
  settle(contract: Contract, { response, passed, late }: Settlement, now: number): void {
    contract.settled = { response, passed };
    contract.consecutiveFailures = passed ? 0 : contract.consecutiveFailures + 1;
    const record = this.farmers.get(contract.token)?.record;
    if (record !== undefined && passed) record.passed += 1;
    this.#save(contract, now);
    this.#count(contract, passed ? 'passed' : 'wrong', 1, late);
  }

  reportRejectedProof(reason: ProofRejection, hash: string): void {
    this.#observer.proofRejected?.(reason, hash);
  }

  end(contract: Contract, reason: EndReason): void {
    this.farmers.removeContract(contract);
    this.#running -= 1;
    this.#store?.removeContract(contract);
    this.#observer.ended?.(reason, contract.hash);
  }

  /** Forgets a farmer. Its contracts end. */
  revoke(token: string): void {
    for (const contract of this.farmers.get(token)?.contracts.values() ?? []) this.end(contract, 'forgotten');
    this.farmers.delete(token);
  }

  /** Counts missed challenges, opens the challenge of the current round, and ends the contract if it must. */
  #getRunning({ contracts }: Farmer, hash: string, now: number): Contract | undefined {
    const contract = contracts.get(hash);
    if (contract === undefined) return undefined;
    const { missed, opened, ended } = this.#rounds.advance(contract, now);
    if (missed > 0) this.#count(contract, 'unanswered', missed);
    if (opened) this.#saveRound(contract);
    if (ended === undefined) return contract;
    this.end(contract, ended);
    return undefined;
  }

  #restore(contract: Contract): void {
    this.farmers.get(contract.token)?.contracts.set(contract.hash, contract);
    this.#running += 1;
  }

  #saveRound(contract: Contract): void {
    this.#save(contract, contract.startedAt + contract.round * contract.intervalMs);
  }

  /** @param now the start of the time in which the contract surely runs */
  #save(contract: Contract, now: number): void {
    this.#store?.putContract(contract);
    const record = this.farmers.get(contract.token)?.record;
    if (record === undefined) return;
    extendOnlineTime(record, getExpiry(contract), now);
    record.lastDueAt = Math.max(record.lastDueAt ?? 0, getDueAt(contract));
    this.farmers.save(record);
  }

  #count(contract: Contract, result: ChallengeResult, count: number, late = false): void {
    contract.results[result] += count;
    this.#observer.settled?.(result, count, { hash: contract.hash, late });
  }
}
