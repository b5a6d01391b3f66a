import {
  type ChallengeResult,
  type Chunk,
  type Contract,
  type ContractFacts,
  type ContractProof,
  type ContractState,
  type EndReason,
  getDueAt,
  getExpiry,
  getState,
  isSelected,
  type ProofKind,
  toFacts,
  type Verifier,
} from './contract.ts';
import { extendOnlineTime, type FarmerIdentity, type FarmerRecord } from './farmer-record.ts';
import { type Contracts, Farmers } from './farmers.ts';
import type { LedgerStore, StoredLedger } from './ledger-store.ts';
import { drawChallenge, getRoundAt, type HeartbeatChallenges, Rounds } from './rounds.ts';
import type { SeededRandom } from './seeded-random.ts';

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
  /** Draws the challenges of heartbeat contracts. */
  readonly heartbeat?: HeartbeatChallenges | undefined;
  /** Undefined if the ledger exists in memory only. */
  readonly store?: LedgerStore | undefined;
}

/** A chunk that was encoded with the node's heartbeat. */
export interface EncodedChunk {
  readonly sizeBytes: number;
  /** JSON of the scheme's state before the first challenge. */
  readonly state: string;
}

/** A challenge that the farmer requested. */
export interface IssuedChallenge {
  /** JSON of the scheme. */
  readonly challenge: string;
  readonly dueAt: number;
  readonly answered: boolean;
}

/** What is needed to verify a proof. */
export interface OpenProof {
  readonly challenge: string;
  readonly state: string;
  readonly round: number;
}

/** A farmer, seen from outside the ledger. */
export interface FarmerFacts {
  readonly record: Readonly<FarmerRecord>;
  readonly running: number;
  readonly runningBytes: number;
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
  readonly #rounds: Rounds;
  readonly #farmers: Farmers;
  #farmersCreated = 0;
  #contractsCreated = 0;
  /** Running contracts and reservations. */
  #running = 0;

  /**
   * @param options read for each call, so that they can change
   * @param stored a former ledger, which this one continues
   */
  constructor(options: () => LedgerOptions, { random, observer, heartbeat, store }: LedgerDeps, stored?: StoredLedger) {
    this.#options = options;
    this.#random = random;
    this.#observer = observer;
    this.#store = store;
    this.#rounds = new Rounds(options, heartbeat);
    this.#farmers = new Farmers(store, stored?.farmers ?? []);
    if (stored !== undefined) this.#restore(stored);
  }

  get running(): number {
    return this.#running;
  }

  /** The number of contracts and reservations since the start of the random sequences. */
  get created(): number {
    return this.#contractsCreated;
  }

  get farmers(): number {
    return this.#farmers.size;
  }

  /** The number of contracts by state. Visits each contract. */
  countContracts(now: number): Record<ContractState, number> {
    const counts = { due: 0, settled: 0 };
    for (const token of this.#farmers.tokens()) {
      const listing = this.getListing(token, now);
      counts.due += listing?.due.length ?? 0;
      counts.settled += listing?.settled.length ?? 0;
    }
    return counts;
  }

  /** Whether there are fewer farmers than {@link MAX_FARMERS}, or one without contracts that a new one can replace. */
  canRegister(): boolean {
    return !this.#farmers.isFull || this.#farmers.findOldestIdle() !== undefined;
  }

  /** Registers a farmer if {@link canRegister}. @returns its token */
  register(identity: FarmerIdentity): string {
    const replaced = this.#farmers.isFull ? this.#farmers.findOldestIdle() : undefined;
    if (replaced !== undefined) this.revoke(replaced);
    const token = this.#random.token(this.#farmersCreated++);
    this.#farmers.add(token, identity);
    this.#storeCreated();
    return token;
  }

  hasFarmer(token: string): boolean {
    return this.#farmers.get(token) !== undefined;
  }

  /** All farmers in the order of their registration. Visits each contract. */
  *listFarmers(now: number): Generator<FarmerFacts> {
    for (const { record, contracts } of this.#farmers.all()) {
      let [running, runningBytes] = [0, 0];
      for (const hash of contracts.keys()) {
        const contract = this.#getRunning(contracts, hash, now);
        if (contract === undefined) continue;
        running += 1;
        runningBytes += contract.sizeBytes;
      }
      yield { record, running, runningBytes };
    }
  }

  /**
   * Changes the IP address of a farmer, unless that has `limit` farmers already.
   *
   * @returns whether the farmer may use it
   */
  moveClient(token: string, client: string, limit: number | undefined): boolean {
    const record = this.#farmers.get(token)?.record;
    if (record === undefined || record.client === client) return true;
    if (limit !== undefined && this.#farmers.countAt(client) >= limit) return false;
    record.client = client;
    this.#farmers.save(record);
    return true;
  }

  countFarmersAt(client: string): number {
    return this.#farmers.countAt(client);
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
    const { fileHash: hash, secret, sizeBytes, verifier } = chunk;
    const { seed } = this.#random;
    const challenge = drawChallenge({ seed, index }, 0);
    const proof = { kind: 'digest', secret, seed } as const;
    return this.#add({ index, token, hash, sizeBytes, proof, challenge, intervalMs, verifier }, now)?.challenge;
  }

  /**
   * Starts a reserved contract for an encoded chunk. Its key is its number, from 1.
   *
   * @returns the contract; undefined if the farmer is no longer known, which cancels the reservation
   * @throws Error if the chunk has no challenge
   */
  startHeartbeat(
    token: string,
    { index, chunk, intervalMs }: { index: number; chunk: EncodedChunk; intervalMs: number },
    now: number,
  ): ContractFacts | undefined {
    const first = this.#rounds.draw(chunk.state, { contract: index, round: 0 });
    if (first === undefined) throw new Error('the chunk has no challenge');
    const { challenge, state } = first;
    const proof: ContractProof = { kind: 'heartbeat', state };
    const { sizeBytes } = chunk;
    const added = { index, token, hash: String(index + 1), sizeBytes, proof, challenge, intervalMs };
    const contract = this.#add({ ...added, verifier: undefined }, now);
    return contract && toFacts(contract);
  }

  /** Counts unanswered challenges of all farmers, and ends contracts that failed too often. Visits each contract. */
  settleMissedRounds(now: number): void {
    for (const token of this.#farmers.tokens()) this.getListing(token, now);
  }

  /**
   * @param kind the only kind of contracts to list; by default all
   * @returns undefined if the farmer is unknown
   */
  getListing(token: string, now: number, kind?: ProofKind): Listing | undefined {
    const contracts = this.#farmers.get(token)?.contracts;
    if (contracts === undefined) return undefined;
    const listing: Listing = { all: [], due: [], settled: [] };
    for (const hash of contracts.keys()) {
      const contract = this.#getRunning(contracts, hash, now);
      if (contract === undefined || (kind !== undefined && contract.proof.kind !== kind)) continue;
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
    const contract = this.#findOwn(token, hash, now);
    const isMissing = contract?.settled === undefined && contract?.verifier === undefined;
    return isMissing && contract?.proof.kind === 'digest' ? contract.proof.secret : undefined;
  }

  setVerifier(verifier: Verifier, { token, hash, secret }: { token: string; hash: string; secret: string }): void {
    const contract = this.#farmers.get(token)?.contracts.get(hash);
    if (contract?.proof.kind === 'digest' && contract.proof.secret === secret) contract.verifier ??= verifier;
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
    if (!this.hasFarmer(token)) return 'no_token';
    const contract = this.#findOwn(token, hash, now);
    if (contract?.proof.kind !== 'digest') return 'no_hash';
    const { proof } = contract;
    if (contract.settled !== undefined) {
      return contract.settled.passed && contract.settled.response === response ? 'pass' : 'fail';
    }
    if (contract.verifier === undefined) throw new Error('the contract has no verifier');
    const isAnswerTo = (challenge: string) => contract.verifier?.response(challenge) === response;
    const passed = isAnswerTo(contract.challenge);
    const late =
      !passed &&
      contract.round > 0 &&
      isAnswerTo(drawChallenge({ ...proof, index: contract.index }, contract.round - 1));
    this.#settle(contract, { response, passed, late }, now);
    return passed ? 'pass' : 'fail';
  }

  /** The current challenge of a heartbeat contract. Opens the next one if that is possible. */
  requestChallenge(
    token: string,
    hash: string,
    now: number,
  ): IssuedChallenge | 'not_found' | 'expired' | 'no_more_challenges' {
    const contract = this.#findOwn(token, hash, now);
    if (contract === undefined) return this.#hasEnded(token, hash) ? 'expired' : 'not_found';
    if (contract.proof.kind !== 'heartbeat') return 'not_found';
    const round = getRoundAt(contract, now);
    if (round > contract.round) {
      if (!this.#rounds.open(contract, round)) return 'no_more_challenges';
      this.#storeRound(contract);
    }
    return { challenge: contract.challenge, dueAt: getDueAt(contract), answered: contract.settled !== undefined };
  }

  /** What is needed to verify a proof for a heartbeat contract, unless its challenge is answered. */
  getOpenProof(token: string, hash: string, now: number): OpenProof | 'not_found' | 'expired' | 'answered' {
    const contract = this.#findOwn(token, hash, now);
    if (contract === undefined) return this.#hasEnded(token, hash) ? 'expired' : 'not_found';
    const { proof, challenge, round, settled } = contract;
    if (proof.kind !== 'heartbeat') return 'not_found';
    return settled === undefined ? { challenge, state: proof.state, round } : 'answered';
  }

  /**
   * Counts a proof that was verified. A wrong one does not settle the challenge.
   *
   * @param now when the proof arrived
   */
  settleProof(
    token: string,
    { hash, round, passed }: { hash: string; round: number; passed: boolean },
    now: number,
  ): 'ok' | 'invalid' | 'not_found' | 'expired' | 'answered' {
    const open = this.getOpenProof(token, hash, now);
    if (typeof open === 'string') return open;
    const contract = this.#farmers.get(token)?.contracts.get(hash);
    if (contract === undefined || round !== open.round || !passed) return 'invalid';
    this.#settle(contract, { response: '', passed, late: false }, now);
    return 'ok';
  }

  remove(token: string, hash: string, now: number): 'ok' | 'no_token' | 'no_hash' {
    if (!this.hasFarmer(token)) return 'no_token';
    const contract = this.#findOwn(token, hash, now);
    if (contract?.proof.kind !== 'digest') return 'no_hash';
    this.#end(contract, 'removed');
    return 'ok';
  }

  getChunkSecret(hash: string, now: number): string | undefined {
    const proof = this.#find(hash, now)?.proof;
    return proof?.kind === 'digest' ? proof.secret : undefined;
  }

  /** Every running contract, by farmer and in the order of acceptance. */
  *listContracts(now: number): Generator<ContractFacts> {
    for (const { contracts } of this.#farmers.all()) {
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

  /** The farmer's oldest running contract, of those that the selector means. */
  findFirst(token: string, selector: string | undefined, now: number): string | undefined {
    return this.getListing(token, now)?.all.find((hash) => selector === undefined || isSelected(hash, selector));
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
    const opened = contract.settled !== undefined && this.#rounds.open(contract, contract.round + 1);
    if (opened) {
      contract.startedAt = now - contract.round * contract.intervalMs;
      this.#storeRound(contract);
    }
    return { challenge: contract.challenge, opened };
  }

  revoke(token: string): void {
    const contracts = this.#farmers.get(token)?.contracts;
    if (contracts === undefined) return;
    for (const contract of contracts.values()) this.#end(contract, 'forgotten');
    this.#farmers.delete(token);
  }

  /** Forgets all farmers and contracts. No token or secret is issued a second time. */
  forget(): void {
    for (const token of this.#farmers.tokens()) this.revoke(token);
  }

  /** Forgets everything and restarts the random sequences of the current seed. */
  reset(): void {
    this.forget();
    this.#farmersCreated = 0;
    this.#contractsCreated = 0;
    this.#storeCreated();
  }

  #find(hash: string, now: number): Contract | undefined {
    for (const { contracts } of this.#farmers.all()) {
      const contract = this.#getRunning(contracts, hash, now);
      if (contract !== undefined) return contract;
    }
    return undefined;
  }

  /** A contract in its current round; undefined if it is unknown or has just failed too often. */
  #getRunning(contracts: Contracts, hash: string, now: number): Contract | undefined {
    const contract = contracts.get(hash);
    const reason = contract && this.#advance(contract, now);
    if (contract === undefined || reason === undefined) return contract;
    this.#end(contract, reason);
    return undefined;
  }

  /** Counts missed challenges, and opens the challenge of the current round. @returns why the contract has ended */
  #advance(contract: Contract, now: number): EndReason | undefined {
    const { missed, opened, ended } = this.#rounds.advance(contract, now);
    if (missed > 0) this.#count(contract, 'unanswered', missed);
    if (opened) this.#storeRound(contract);
    return ended;
  }

  #storeRound(contract: Contract): void {
    this.#extendOnlineTime(contract, contract.startedAt + contract.round * contract.intervalMs);
    this.#store?.putContract(contract);
  }

  /** Adds the contract of a reservation. It replaces a running contract of the farmer with the same hash. */
  #add(
    added: Pick<Contract, 'index' | 'token' | 'hash' | 'sizeBytes' | 'proof' | 'challenge' | 'intervalMs' | 'verifier'>,
    now: number,
  ): Contract | undefined {
    const farmer = this.#farmers.get(added.token);
    if (farmer === undefined) {
      this.cancelReservation();
      return undefined;
    }
    const former = farmer.contracts.get(added.hash);
    if (former !== undefined) this.#end(former, 'replaced');
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
    this.#extendOnlineTime(contract, now);
    this.#store?.putContract(contract);
    this.#observer.accepted?.(contract.hash);
    return contract;
  }

  #settle(
    contract: Contract,
    { response, passed, late }: { response: string; passed: boolean; late: boolean },
    now: number,
  ): void {
    contract.settled = { response, passed };
    contract.consecutiveFailures = passed ? 0 : contract.consecutiveFailures + 1;
    const record = this.#farmers.get(contract.token)?.record;
    if (record !== undefined && passed) record.passed += 1;
    this.#extendOnlineTime(contract, now);
    this.#store?.putContract(contract);
    this.#count(contract, passed ? 'passed' : 'wrong', 1, late);
  }

  #extendOnlineTime(contract: Contract, now: number): void {
    const record = this.#farmers.get(contract.token)?.record;
    if (record === undefined) return;
    extendOnlineTime(record, getExpiry(contract), now);
    record.lastDueAt = Math.max(record.lastDueAt ?? 0, getDueAt(contract));
    this.#farmers.save(record);
  }

  #findOwn(token: string, hash: string, now: number): Contract | undefined {
    const contracts = this.#farmers.get(token)?.contracts;
    return contracts && this.#getRunning(contracts, hash, now);
  }

  #hasEnded(token: string, hash: string): boolean {
    return this.#farmers.get(token)?.ended.has(hash) === true;
  }

  #restore({ created, contracts }: StoredLedger): void {
    this.#farmersCreated = created.farmers;
    this.#contractsCreated = created.contracts;
    for (const stored of contracts) {
      this.#farmers.get(stored.token)?.contracts.set(stored.hash, { ...stored, verifier: undefined });
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
    this.#farmers.removeContract(contract);
    this.#running -= 1;
    this.#store?.removeContract(contract);
    this.#observer.ended?.(reason, contract.hash);
  }
}
