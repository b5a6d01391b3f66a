import { type ContractFacts, type ContractState, getState, isSelected, type ProofKind, toFacts } from './contract.ts';
import { ContractTable, type ContractTableDeps } from './contract-table.ts';
import { DigestContracts } from './digest-contracts.ts';
import type { FarmerIdentity, FarmerRecord } from './farmer-record.ts';
import { HeartbeatContracts } from './heartbeat-contracts.ts';
import type { LedgerStore, StoredLedger } from './ledger-store.ts';
import type { SeededRandom } from './seeded-random.ts';

export interface LedgerOptions {
  /** Maximum running contracts, over all farmers. */
  readonly maxContracts: number;
  /** Consecutive failed challenges that end a contract. */
  readonly maxFailures: number;
}

export interface LedgerDeps extends ContractTableDeps {
  readonly random: SeededRandom;
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
 * t0 is open from t0 + n·interval until t0 + (n+1)·interval.
 */
export class Ledger {
  /** The contracts of the prototype API. */
  readonly digests: DigestContracts;
  /** The contracts of the v1 API. */
  readonly heartbeats: HeartbeatContracts;
  readonly #options: () => LedgerOptions;
  readonly #random: SeededRandom;
  readonly #store: LedgerStore | undefined;
  readonly #table: ContractTable;
  #farmersCreated: number;
  #contractsCreated: number;

  /**
   * @param options read for each call, so that they can change
   * @param stored a former ledger, which this one continues
   */
  constructor(options: () => LedgerOptions, deps: LedgerDeps, stored?: StoredLedger) {
    this.#options = options;
    this.#random = deps.random;
    this.#store = deps.store;
    this.#table = new ContractTable(options, deps, stored);
    this.digests = new DigestContracts(this.#table, deps.random);
    this.heartbeats = new HeartbeatContracts(this.#table);
    this.#farmersCreated = stored?.created.farmers ?? 0;
    this.#contractsCreated = stored?.created.contracts ?? 0;
  }

  /** The number of running contracts and reservations. */
  get running(): number {
    return this.#table.running;
  }

  /** The number of contracts and reservations since the start of the random sequences. */
  get created(): number {
    return this.#contractsCreated;
  }

  get farmers(): number {
    return this.#table.farmers.size;
  }

  /** The number of contracts by state. Visits each contract. */
  countContracts(now: number): Record<ContractState, number> {
    const counts = { due: 0, settled: 0 };
    for (const farmer of this.#table.farmers.all())
      for (const contract of this.#table.list(farmer, now)) counts[getState(contract)] += 1;
    return counts;
  }

  /** Whether there are fewer farmers than {@link MAX_FARMERS}, or one without contracts that a new one can replace. */
  canRegister(): boolean {
    const { farmers } = this.#table;
    return !farmers.isFull || farmers.findOldestIdle() !== undefined;
  }

  /** Registers a farmer if {@link canRegister}. @returns its token */
  register(identity: FarmerIdentity): string {
    const { farmers } = this.#table;
    const replaced = farmers.isFull ? farmers.findOldestIdle() : undefined;
    if (replaced !== undefined) this.revoke(replaced);
    const token = this.#random.token(this.#farmersCreated++);
    farmers.add(token, identity);
    this.#storeCreated();
    return token;
  }

  hasFarmer(token: string): boolean {
    return this.#table.farmers.get(token) !== undefined;
  }

  /** All farmers in the order of their registration. Visits each contract. */
  *listFarmers(now: number): Generator<FarmerFacts> {
    for (const farmer of this.#table.farmers.all()) {
      let [running, runningBytes] = [0, 0];
      for (const { sizeBytes } of this.#table.list(farmer, now)) {
        running += 1;
        runningBytes += sizeBytes;
      }
      yield { record: farmer.record, running, runningBytes };
    }
  }

  /**
   * Changes the IP address of a farmer, unless that has `limit` farmers already.
   *
   * @returns whether the farmer may use it
   */
  moveClient(token: string, client: string, limit: number | undefined): boolean {
    const { farmers } = this.#table;
    const record = farmers.get(token)?.record;
    if (record === undefined || record.client === client) return true;
    if (limit !== undefined && farmers.countAt(client) >= limit) return false;
    record.client = client;
    farmers.save(record);
    return true;
  }

  countFarmersAt(client: string): number {
    return this.#table.farmers.countAt(client);
  }

  /**
   * Reserves the next contract.
   *
   * @returns its number and the secret of its chunk; undefined if the maximum is reached
   */
  reserveContract(now: number): { index: number; secret: string } | undefined {
    const { maxContracts } = this.#options();
    // The contracts of farmers that send no more requests are only settled here.
    if (this.running >= maxContracts) this.settleMissedRounds(now);
    if (this.running >= maxContracts) return undefined;
    this.#table.reserve();
    const index = this.#contractsCreated++;
    this.#storeCreated();
    return { index, secret: this.#random.secret(index) };
  }

  cancelReservation(): void {
    this.#table.cancelReservation();
  }

  /** Counts unanswered challenges of all farmers, and ends contracts that failed too often. Visits each contract. */
  settleMissedRounds(now: number): void {
    this.countContracts(now);
  }

  /**
   * @param kind the only kind of contracts to list; by default all
   * @returns undefined if the farmer is unknown
   */
  getListing(token: string, now: number, kind?: ProofKind): Listing | undefined {
    const farmer = this.#table.farmers.get(token);
    if (farmer === undefined) return undefined;
    const listing: Listing = { all: [], due: [], settled: [] };
    for (const contract of this.#table.list(farmer, now)) {
      if (kind !== undefined && contract.proof.kind !== kind) continue;
      const { hash, challenge } = contract;
      listing.all.push(hash);
      listing[getState(contract)].push({ hash, challenge });
    }
    return listing;
  }

  /** Every running contract, by farmer and in the order of acceptance. */
  *listContracts(now: number): Generator<ContractFacts> {
    for (const farmer of this.#table.farmers.all())
      for (const contract of this.#table.list(farmer, now)) yield toFacts(contract);
  }

  findContract(hash: string, now: number): ContractFacts | undefined {
    const contract = this.#table.findAny(hash, now);
    return contract && toFacts(contract);
  }

  /** The farmer's oldest running contract, of those that the selector means. */
  findFirst(token: string, selector: string | undefined, now: number): string | undefined {
    return this.getListing(token, now)?.all.find((hash) => selector === undefined || isSelected(hash, selector));
  }

  /** Ends a contract. @returns whether it was running */
  expire(hash: string, now: number): boolean {
    const contract = this.#table.findAny(hash, now);
    if (contract === undefined) return false;
    this.#table.end(contract, 'expired');
    return true;
  }

  /**
   * Starts a contract's next round now, unless its challenge is still open.
   *
   * @returns the open challenge, and whether it is new; undefined if no such contract is running
   */
  challengeNow(hash: string, now: number): { challenge: string; opened: boolean } | undefined {
    const contract = this.#table.findAny(hash, now);
    if (contract === undefined) return undefined;
    const opened = this.#table.openEarly(contract, now);
    return { challenge: contract.challenge, opened };
  }

  /** Forgets a farmer and its contracts. */
  revoke(token: string): void {
    this.#table.revoke(token);
  }

  /** Forgets all farmers and contracts. No token or secret is issued a second time. */
  forget(): void {
    for (const token of this.#table.farmers.tokens()) this.revoke(token);
  }

  /** Forgets everything and restarts the random sequences of the current seed. */
  reset(): void {
    this.forget();
    this.#farmersCreated = 0;
    this.#contractsCreated = 0;
    this.#storeCreated();
  }

  #storeCreated(): void {
    this.#store?.setCreated({ farmers: this.#farmersCreated, contracts: this.#contractsCreated });
  }
}
