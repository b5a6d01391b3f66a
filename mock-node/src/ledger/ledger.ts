import type { ChallengeResult, LedgerStore, StoredContract, StoredLedger } from './ledger-store.ts';
import type { SeededRandom } from './seeded-random.ts';

/** What verifies answers on one chunk, without the chunk. */
export interface Verifier {
  response(challenge: string): string;
}

/** A chunk that a contract is to be made on. */
export interface Chunk {
  readonly fileHash: string;
  readonly secret: string;
  readonly verifier: Verifier;
}

/** What became of contracts that run no more: each is a label of `mock_node_contracts_ended_total`. */
export const END_REASONS = ['failed', 'removed', 'expired', 'forgotten', 'replaced'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Whether a contract's open challenge waits for an answer or has had one. */
export const CONTRACT_STATES = ['due', 'settled'] as const;
export type ContractState = (typeof CONTRACT_STATES)[number];

export interface LedgerOptions {
  /** Contracts running at once, over all farmers. */
  readonly maxContracts: number;
  /** So many failures in a row end a contract. */
  readonly maxFailures: number;
}

/** Told what happens to contracts. */
export interface LedgerObserver {
  accepted?(hash: string): void;
  settled?(result: ChallengeResult, count: number, hash: string): void;
  ended?(reason: EndReason, hash: string): void;
}

export interface LedgerDeps {
  readonly random: SeededRandom;
  readonly observer: LedgerObserver;
  /** None: nothing outlives the process. */
  readonly store?: LedgerStore | undefined;
}

interface Contract extends StoredContract {
  challenge: string;
  /** None: it was lost in a restart, and nobody has needed it since. */
  verifier: Verifier | undefined;
}

/** A running contract, as anyone may see it. */
export interface ContractFacts {
  readonly token: string;
  readonly hash: string;
  readonly index: number;
  readonly state: ContractState;
  readonly round: number;
  readonly challenge: string;
  readonly intervalMs: number;
  readonly acceptedAt: number;
  /** When this round ends. */
  readonly dueAt: number;
  readonly consecutiveFailures: number;
  readonly results: Readonly<Record<ChallengeResult, number>>;
}

/** A farmer's contracts, and their challenges of this round. */
interface Listing {
  readonly all: string[];
  readonly due: { readonly hash: string; readonly challenge: string }[];
  /** Those answered already. */
  readonly settled: { readonly hash: string; readonly challenge: string }[];
}

type Contracts = Map<string, Contract>;

/**
 * Who owes which answer when. Pure bookkeeping: time comes in with each call, and nothing happens between calls, so ten
 * thousand contracts cost nothing while nobody asks. A contract taken at t0 has challenge number n open from t0 + n·interval
 * until t0 + (n+1)·interval; the first answer settles it.
 */
export class Ledger {
  readonly #options: () => LedgerOptions;
  readonly #random: SeededRandom;
  readonly #observer: LedgerObserver;
  readonly #store: LedgerStore | undefined;
  readonly #farmers = new Map<string, Contracts>();
  #farmersCreated = 0;
  #contractsCreated = 0;
  /** Contracts, and places spoken for. */
  #running = 0;

  /**
   * @param options asked for each time, so that they may change
   * @param kept what a former ledger on the same draws left to its store: this one goes on with it
   */
  constructor(options: () => LedgerOptions, { random, observer, store }: LedgerDeps, kept?: StoredLedger) {
    this.#options = options;
    this.#random = random;
    this.#observer = observer;
    this.#store = store;
    if (kept !== undefined) this.#restore(kept);
  }

  /** Contracts running, places spoken for among them. */
  get running(): number {
    return this.#running;
  }

  /** Farmers registered. */
  get farmers(): number {
    return this.#farmers.size;
  }

  /** Contracts by state, as they stand now: a look at each. */
  counts(now: number): Record<ContractState, number> {
    const counts = { due: 0, settled: 0 };
    for (const token of this.#farmers.keys()) {
      const listing = this.due(token, now);
      counts.due += listing?.due.length ?? 0;
      counts.settled += listing?.settled.length ?? 0;
    }
    return counts;
  }

  /** A new farmer's token. */
  register(): string {
    const token = this.#random.token(this.#farmersCreated++);
    this.#farmers.set(token, new Map());
    this.#store?.farmer(token, true);
    this.#storeCreated();
    return token;
  }

  hasFarmer(token: string): boolean {
    return this.#farmers.has(token);
  }

  /**
   * The secret of the next contract, which is spoken for from now on.
   *
   * @returns undefined where there is none to give
   */
  reserveContract(now: number): { index: number; secret: string } | undefined {
    const { maxContracts } = this.#options();
    // Farmers that went away never ask again: what they left behind has to be found before a place is denied.
    if (this.#running >= maxContracts) this.settleMissedRounds(now);
    if (this.#running >= maxContracts) return undefined;
    this.#running += 1;
    const index = this.#contractsCreated++;
    this.#storeCreated();
    return { index, secret: this.#random.secret(index) };
  }

  /** Gives a place that {@link reserveContract} took back: no contract came of it. */
  cancelReservation(): void {
    this.#running -= 1;
  }

  /**
   * Starts the contract on a chunk whose secret was taken, and returns its first challenge. Should the farmer have one on
   * the same chunk, the new one takes its place.
   *
   * @param intervalMs between its challenges
   * @returns undefined where the farmer was forgotten meanwhile: the place is given back
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
    const challenge = this.#random.challenge(index, 0);
    const contract: Contract = {
      index,
      token,
      hash,
      secret,
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
    this.#store?.contract(contract);
    this.#observer.accepted?.(hash);
    return challenge;
  }

  /** Counts what went unanswered by now, and ends what failed too often, over all farmers: a look at each contract. */
  settleMissedRounds(now: number): void {
    for (const token of this.#farmers.keys()) this.due(token, now);
  }

  /** A farmer's contracts, and which of them owe an answer; undefined for an unknown farmer. */
  due(token: string, now: number): Listing | undefined {
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
   * What {@link answer} can't do without for this contract, as it stands now.
   *
   * @returns the secret of the chunk whose verifier was lost in a restart; undefined where nothing is wanting
   */
  getUnverifiedSecret(token: string, hash: string, now: number): string | undefined {
    const contracts = this.#farmers.get(token);
    const contract = contracts && this.#getRunning(contracts, hash, now);
    const isMissing = contract?.settled === undefined && contract?.verifier === undefined;
    return isMissing ? contract?.secret : undefined;
  }

  /** Has answers verified on the chunk of that secret, if the contract still runs. */
  setVerifier(verifier: Verifier, { token, hash, secret }: { token: string; hash: string; secret: string }): void {
    const contract = this.#farmers.get(token)?.get(hash);
    if (contract?.secret === secret) contract.verifier ??= verifier;
  }

  /**
   * Verifies an answer. The first answer settles a challenge. The same answer again gets the same verdict, any other fails.
   *
   * @throws Error where {@link getUnverifiedSecret} says that a verifier is wanting
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
    if (contract.verifier === undefined) throw new Error('there is nothing to verify the answer with');
    const passed = contract.verifier.response(contract.challenge) === response;
    contract.settled = { response, passed };
    this.#count(contract, passed ? 'passed' : 'wrong', 1);
    contract.consecutiveFailures = passed ? 0 : contract.consecutiveFailures + 1;
    this.#store?.contract(contract);
    return passed ? 'pass' : 'fail';
  }

  /** Ends a contract at its farmer's wish. */
  remove(token: string, hash: string, now: number): 'ok' | 'no_token' | 'no_hash' {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return 'no_token';
    const contract = this.#getRunning(contracts, hash, now);
    if (contract === undefined) return 'no_hash';
    this.#end(contract, 'removed');
    return 'ok';
  }

  /** The secret of a running contract's chunk, by the contract's hash. */
  getChunkSecret(hash: string, now: number): string | undefined {
    return this.#find(hash, now)?.secret;
  }

  /** Every running contract, in the order in which they were taken by each farmer. */
  *all(now: number): Generator<ContractFacts> {
    for (const contracts of this.#farmers.values()) {
      for (const hash of contracts.keys()) {
        const contract = this.#getRunning(contracts, hash, now);
        if (contract !== undefined) yield toFacts(contract);
      }
    }
  }

  /** One running contract. */
  contract(hash: string, now: number): ContractFacts | undefined {
    const contract = this.#find(hash, now);
    return contract && toFacts(contract);
  }

  /** A farmer's first running contract whose hash begins like that; the one held longest for an empty beginning. */
  findFirst(token: string, beginning: string, now: number): string | undefined {
    return this.due(token, now)?.all.find((hash) => hash.startsWith(beginning));
  }

  /** Ends a contract by the node's own will. @returns whether there was one */
  expire(hash: string, now: number): boolean {
    const contract = this.#find(hash, now);
    if (contract === undefined) return false;
    this.#end(contract, 'expired');
    return true;
  }

  /**
   * Begins a contract's next round now, unless its challenge waits for an answer anyway.
   *
   * @returns the open challenge, and whether it was opened just now; undefined where there is no such contract
   */
  challengeNow(hash: string, now: number): { challenge: string; opened: boolean } | undefined {
    const contract = this.#find(hash, now);
    if (contract === undefined) return undefined;
    const opened = contract.settled !== undefined;
    if (opened) {
      contract.startedAt = now - (contract.round + 1) * contract.intervalMs;
      this.#advanceTo(now, contract);
    }
    return { challenge: contract.challenge, opened };
  }

  /** Forgets a farmer and its contracts. */
  revoke(token: string): void {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return;
    for (const contract of contracts.values()) this.#end(contract, 'forgotten');
    this.#farmers.delete(token);
    this.#store?.farmer(token, false);
  }

  /** Forgets every farmer and every contract. What it gives afterwards is new: no token or secret comes twice. */
  forget(): void {
    for (const token of this.#farmers.keys()) this.revoke(token);
  }

  /** Forgets everything, and begins its draws from the start. */
  reset(): void {
    this.forget();
    this.#farmersCreated = 0;
    this.#contractsCreated = 0;
    this.#storeCreated();
  }

  #find(hash: string, now: number): Contract | undefined {
    for (const contracts of this.#farmers.values()) {
      const contract = this.#getRunning(contracts, hash, now);
      if (contract !== undefined) return contract;
    }
    return undefined;
  }

  /** A contract as it stands now; undefined where there is none, or none any more. */
  #getRunning(contracts: Contracts, hash: string, now: number): Contract | undefined {
    const contract = contracts.get(hash);
    if (contract === undefined || this.#advanceTo(now, contract)) return contract;
    this.#end(contract, 'failed');
    return undefined;
  }

  /** Counts the rounds that went by unanswered. @returns whether the contract still runs */
  #advanceTo(now: number, contract: Contract): boolean {
    const { maxFailures } = this.#options();
    const round = Math.floor((now - contract.startedAt) / contract.intervalMs);
    if (round > contract.round) {
      const unanswered = round - contract.round - (contract.settled === undefined ? 0 : 1);
      const counted = Math.max(0, Math.min(unanswered, maxFailures - contract.consecutiveFailures));
      if (counted > 0) this.#count(contract, 'unanswered', counted);
      contract.consecutiveFailures += counted;
      contract.round = round;
      contract.challenge = this.#random.challenge(contract.index, round);
      contract.settled = undefined;
      this.#store?.contract(contract);
    }
    return contract.consecutiveFailures < maxFailures;
  }

  #restore({ made, farmers, contracts }: StoredLedger): void {
    this.#farmersCreated = made.farmers;
    this.#contractsCreated = made.contracts;
    for (const token of farmers) this.#farmers.set(token, new Map());
    for (const kept of contracts) {
      const challenge = this.#random.challenge(kept.index, kept.round);
      this.#farmers.get(kept.token)?.set(kept.hash, { ...kept, challenge, verifier: undefined });
      this.#running += 1;
    }
  }

  #storeCreated(): void {
    this.#store?.made({ farmers: this.#farmersCreated, contracts: this.#contractsCreated });
  }

  #count(contract: Contract, result: ChallengeResult, count: number): void {
    contract.results[result] += count;
    this.#observer.settled?.(result, count, contract.hash);
  }

  #end(contract: Contract, reason: EndReason): void {
    const { token, hash } = contract;
    this.#farmers.get(token)?.delete(hash);
    this.#running -= 1;
    this.#store?.ended(contract);
    this.#observer.ended?.(reason, hash);
  }
}

function getState({ settled }: Contract): ContractState {
  return settled === undefined ? 'due' : 'settled';
}

function toFacts(contract: Contract): ContractFacts {
  const { token, hash, index, round, challenge, intervalMs, acceptedAt, startedAt, consecutiveFailures, results } =
    contract;
  const dueAt = startedAt + (round + 1) * intervalMs;
  const state = getState(contract);
  return { token, hash, index, state, round, challenge, intervalMs, acceptedAt, dueAt, consecutiveFailures, results };
}
