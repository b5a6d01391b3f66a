import {
  type ChallengeResult,
  type Chunk,
  type Contract,
  type ContractFacts,
  type ContractState,
  type EndReason,
  getState,
  toFacts,
  type Verifier,
} from './contract.ts';
import type { LedgerStore, StoredLedger } from './ledger-store.ts';
import { SeededRandom } from './seeded-random.ts';

export interface LedgerOptions {
  /** Maximum running contracts, over all farmers. */
  readonly maxContracts: number;
  /** Consecutive failed challenges that end a contract. */
  readonly maxFailures: number;
}

export interface LedgerObserver {
  accepted?(hash: string): void;
  /** @param late whether a wrong answer is the right one to the previous challenge */
  settled?(result: ChallengeResult, count: number, contract: { readonly hash: string; readonly late: boolean }): void;
  ended?(reason: EndReason, hash: string): void;
}

export interface LedgerDeps {
  readonly random: SeededRandom;
  readonly observer: LedgerObserver;
  /** Undefined if the ledger exists in memory only. */
  readonly store?: LedgerStore | undefined;
}

interface ListedChallenge {
  readonly hash: string;
  readonly challenge: string;
}

/** A farmer's contracts and the challenges of their current rounds. */
interface Listing {
  readonly all: string[];
  readonly due: ListedChallenge[];
  readonly settled: ListedChallenge[];
}

type Contracts = Map<string, Contract>;

/** Anyone can register, so the oldest farmers without contracts make way for new ones. */
export const MAX_FARMERS = 10_000;

/**
 * The farmers, their contracts and their challenges. It does no I/O: the time is an argument of each call, and nothing
 * happens between calls, so that contracts cost nothing while no request arrives. Challenge n of a contract accepted at
 * t0 is open from t0 + n·interval until t0 + (n+1)·interval. Its first answer settles it.
 */
export class Ledger {
  readonly #options: () => LedgerOptions;
  readonly #random: SeededRandom;
  readonly #observer: LedgerObserver;
  readonly #store: LedgerStore | undefined;
  readonly #farmers = new Map<string, Contracts>();
  #farmersCreated = 0;
  #contractsCreated = 0;
  /** Running contracts and reservations. */
  #running = 0;

  /**
   * @param options read for each call, so that they can change
   * @param stored a former ledger, which this one continues
   */
  constructor(options: () => LedgerOptions, { random, observer, store }: LedgerDeps, stored?: StoredLedger) {
    this.#options = options;
    this.#random = random;
    this.#observer = observer;
    this.#store = store;
    if (stored !== undefined) this.#restore(stored);
  }

  get running(): number {
    return this.#running;
  }

  get farmers(): number {
    return this.#farmers.size;
  }

  /** The number of contracts by state. Visits each contract. */
  countContracts(now: number): Record<ContractState, number> {
    const counts = { due: 0, settled: 0 };
    for (const token of this.#farmers.keys()) {
      const listing = this.getListing(token, now);
      counts.due += listing?.due.length ?? 0;
      counts.settled += listing?.settled.length ?? 0;
    }
    return counts;
  }

  /** Whether there are fewer farmers than {@link MAX_FARMERS}, or one without contracts that a new one can replace. */
  canRegister(): boolean {
    return this.#farmers.size < MAX_FARMERS || this.#findOldestIdleFarmer() !== undefined;
  }

  /** Registers a farmer if {@link canRegister}. @returns its token */
  register(): string {
    const replaced = this.#farmers.size < MAX_FARMERS ? undefined : this.#findOldestIdleFarmer();
    if (replaced !== undefined) this.revoke(replaced);
    const token = this.#random.token(this.#farmersCreated++);
    this.#farmers.set(token, new Map());
    this.#store?.addFarmer(token);
    this.#storeCreated();
    return token;
  }

  hasFarmer(token: string): boolean {
    return this.#farmers.has(token);
  }

  /**
   * Reserves the next contract.
   *
   * @returns its number and the secret of its chunk; undefined if the maximum is reached
   */
  reserveContract(now: number): { index: number; secret: string } | undefined {
    const { maxContracts } = this.#options();
    // The contracts of farmers that send no more requests are only settled here.
    if (this.#running >= maxContracts) this.settleMissedRounds(now);
    if (this.#running >= maxContracts) return undefined;
    this.#running += 1;
    const index = this.#contractsCreated++;
    this.#storeCreated();
    return { index, secret: this.#random.secret(index) };
  }

  cancelReservation(): void {
    this.#running -= 1;
  }

  /**
   * Starts a reserved contract. It replaces a running contract of the farmer with the same chunk.
   *
   * @returns the first challenge; undefined if the farmer is no longer known, which cancels the reservation
   */
  start(
    token: string,
    { index, chunk, intervalMs }: { index: number; chunk: Chunk; intervalMs: number },
    now: number,
  ): string | undefined {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) {
      this.cancelReservation();
      return undefined;
    }
    const { fileHash: hash, secret, verifier } = chunk;
    const former = contracts.get(hash);
    if (former !== undefined) this.#end(former, 'replaced');
    const { seed } = this.#random;
    const challenge = drawChallenge({ seed, index }, 0);
    const contract: Contract = {
      index,
      token,
      hash,
      secret,
      seed,
      intervalMs,
      acceptedAt: now,
      startedAt: now,
      round: 0,
      challenge,
      settled: undefined,
      consecutiveFailures: 0,
      results: { passed: 0, wrong: 0, unanswered: 0 },
      verifier,
    };
    contracts.set(hash, contract);
    this.#store?.putContract(contract);
    this.#observer.accepted?.(hash);
    return challenge;
  }

  /** Counts unanswered challenges of all farmers, and ends contracts that failed too often. Visits each contract. */
  settleMissedRounds(now: number): void {
    for (const token of this.#farmers.keys()) this.getListing(token, now);
  }

  /** @returns undefined if the farmer is unknown */
  getListing(token: string, now: number): Listing | undefined {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return undefined;
    const listing: Listing = { all: [], due: [], settled: [] };
    for (const hash of contracts.keys()) {
      const contract = this.#getRunning(contracts, hash, now);
      if (contract === undefined) continue;
      listing.all.push(hash);
      listing[getState(contract)].push({ hash, challenge: contract.challenge });
    }
    return listing;
  }

  /**
   * The secret from which to create the verifier that {@link answer} needs.
   *
   * @returns undefined if no verifier is missing
   */
  getUnverifiedSecret(token: string, hash: string, now: number): string | undefined {
    const contracts = this.#farmers.get(token);
    const contract = contracts && this.#getRunning(contracts, hash, now);
    const isMissing = contract?.settled === undefined && contract?.verifier === undefined;
    return isMissing ? contract?.secret : undefined;
  }

  setVerifier(verifier: Verifier, { token, hash, secret }: { token: string; hash: string; secret: string }): void {
    const contract = this.#farmers.get(token)?.get(hash);
    if (contract?.secret === secret) contract.verifier ??= verifier;
  }

  /**
   * Verifies an answer. The first answer settles a challenge. Repeating it gets the same verdict, any other fails.
   *
   * @throws Error if {@link getUnverifiedSecret} returns a secret
   */
  answer(
    token: string,
    { hash, response }: { hash: string; response: string },
    now: number,
  ): 'pass' | 'fail' | 'no_token' | 'no_hash' {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return 'no_token';
    const contract = this.#getRunning(contracts, hash, now);
    if (contract === undefined) return 'no_hash';
    if (contract.settled !== undefined) {
      return contract.settled.passed && contract.settled.response === response ? 'pass' : 'fail';
    }
    if (contract.verifier === undefined) throw new Error('the contract has no verifier');
    const isAnswerTo = (challenge: string) => contract.verifier?.response(challenge) === response;
    const passed = isAnswerTo(contract.challenge);
    const late = !passed && contract.round > 0 && isAnswerTo(drawChallenge(contract, contract.round - 1));
    contract.settled = { response, passed };
    this.#count(contract, passed ? 'passed' : 'wrong', 1, late);
    contract.consecutiveFailures = passed ? 0 : contract.consecutiveFailures + 1;
    this.#store?.putContract(contract);
    return passed ? 'pass' : 'fail';
  }

  remove(token: string, hash: string, now: number): 'ok' | 'no_token' | 'no_hash' {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return 'no_token';
    const contract = this.#getRunning(contracts, hash, now);
    if (contract === undefined) return 'no_hash';
    this.#end(contract, 'removed');
    return 'ok';
  }

  getChunkSecret(hash: string, now: number): string | undefined {
    return this.#find(hash, now)?.secret;
  }

  /** Every running contract, by farmer and in the order of acceptance. */
  *listContracts(now: number): Generator<ContractFacts> {
    for (const contracts of this.#farmers.values()) {
      for (const hash of contracts.keys()) {
        const contract = this.#getRunning(contracts, hash, now);
        if (contract !== undefined) yield toFacts(contract);
      }
    }
  }

  findContract(hash: string, now: number): ContractFacts | undefined {
    const contract = this.#find(hash, now);
    return contract && toFacts(contract);
  }

  /** The farmer's oldest running contract whose hash begins with the prefix. */
  findFirst(token: string, hashPrefix: string, now: number): string | undefined {
    return this.getListing(token, now)?.all.find((hash) => hash.startsWith(hashPrefix));
  }

  /** Ends a contract. @returns whether it was running */
  expire(hash: string, now: number): boolean {
    const contract = this.#find(hash, now);
    if (contract === undefined) return false;
    this.#end(contract, 'expired');
    return true;
  }

  /**
   * Starts a contract's next round now, unless its challenge is still open.
   *
   * @returns the open challenge, and whether it is new; undefined if no such contract is running
   */
  challengeNow(hash: string, now: number): { challenge: string; opened: boolean } | undefined {
    const contract = this.#find(hash, now);
    if (contract === undefined) return undefined;
    const opened = contract.settled !== undefined;
    if (opened) {
      contract.startedAt = now - (contract.round + 1) * contract.intervalMs;
      this.#advance(contract, now);
    }
    return { challenge: contract.challenge, opened };
  }

  revoke(token: string): void {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return;
    for (const contract of contracts.values()) this.#end(contract, 'forgotten');
    this.#farmers.delete(token);
    this.#store?.removeFarmer(token);
  }

  /** Forgets all farmers and contracts. No token or secret is issued a second time. */
  forget(): void {
    for (const token of this.#farmers.keys()) this.revoke(token);
  }

  /** Forgets everything and restarts the random sequences of the current seed. */
  reset(): void {
    this.forget();
    this.#farmersCreated = 0;
    this.#contractsCreated = 0;
    this.#storeCreated();
  }

  #findOldestIdleFarmer(): string | undefined {
    for (const [token, contracts] of this.#farmers) if (contracts.size === 0) return token;
    return undefined;
  }

  #find(hash: string, now: number): Contract | undefined {
    for (const contracts of this.#farmers.values()) {
      const contract = this.#getRunning(contracts, hash, now);
      if (contract !== undefined) return contract;
    }
    return undefined;
  }

  /** A contract in its current round; undefined if it is unknown or has just failed too often. */
  #getRunning(contracts: Contracts, hash: string, now: number): Contract | undefined {
    const contract = contracts.get(hash);
    if (contract === undefined || this.#advance(contract, now)) return contract;
    this.#end(contract, 'failed');
    return undefined;
  }

  /** Moves a contract to its current round and counts unanswered challenges. @returns whether it still runs */
  #advance(contract: Contract, now: number): boolean {
    const { maxFailures } = this.#options();
    const round = Math.floor((now - contract.startedAt) / contract.intervalMs);
    if (round > contract.round) {
      const unanswered = round - contract.round - (contract.settled === undefined ? 0 : 1);
      const counted = Math.max(0, Math.min(unanswered, maxFailures - contract.consecutiveFailures));
      if (counted > 0) this.#count(contract, 'unanswered', counted);
      contract.consecutiveFailures += counted;
      contract.round = round;
      contract.challenge = drawChallenge(contract, round);
      contract.settled = undefined;
      this.#store?.putContract(contract);
    }
    return contract.consecutiveFailures < maxFailures;
  }

  #restore({ created, farmers, contracts }: StoredLedger): void {
    this.#farmersCreated = created.farmers;
    this.#contractsCreated = created.contracts;
    for (const token of farmers) this.#farmers.set(token, new Map());
    for (const stored of contracts) {
      const challenge = drawChallenge(stored, stored.round);
      this.#farmers.get(stored.token)?.set(stored.hash, { ...stored, challenge, verifier: undefined });
      this.#running += 1;
    }
  }

  #storeCreated(): void {
    this.#store?.setCreated({ farmers: this.#farmersCreated, contracts: this.#contractsCreated });
  }

  #count(contract: Contract, result: ChallengeResult, count: number, late = false): void {
    contract.results[result] += count;
    this.#observer.settled?.(result, count, { hash: contract.hash, late });
  }

  #end(contract: Contract, reason: EndReason): void {
    const { token, hash } = contract;
    this.#farmers.get(token)?.delete(hash);
    this.#running -= 1;
    this.#store?.removeContract(contract);
    this.#observer.ended?.(reason, hash);
  }
}

/** A contract keeps the seed that it was issued with, because the node may have another one after a restart. */
function drawChallenge({ seed, index }: Pick<Contract, 'seed' | 'index'>, round: number): string {
  return new SeededRandom(seed).challenge(index, round);
}
