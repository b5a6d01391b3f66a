import type { Contract } from './contract.ts';
import { createFarmerRecord, type FarmerIdentity, type FarmerRecord } from './farmer-record.ts';
import type { LedgerStore, StoredLedger } from './ledger-store.ts';

export interface Farmer {
  readonly record: FarmerRecord;
  /** The running contracts by their hash, in the order of acceptance. */
  readonly contracts: Map<string, Contract>;
  /** The latest heartbeat contracts that ended: a farmer learns that they expired. */
  readonly ended: Set<string>;
}

/** Anyone can register, so the oldest farmers without contracts make way for new ones. */
export const MAX_FARMERS = 10_000;

/** Of each farmer. An older contract is unknown to the node. */
const MAX_ENDED = 1_000;

/** The registered farmers, in the order of their registration. */
export class Farmers {
  readonly #store: LedgerStore | undefined;
  readonly #farmers = new Map<string, Farmer>();

  constructor(store: LedgerStore | undefined, stored: Pick<StoredLedger, 'farmers' | 'ended'> | undefined) {
    this.#store = store;
    for (const record of stored?.farmers ?? []) this.#add(record);
    for (const { token, hash } of stored?.ended ?? []) this.#farmers.get(token)?.ended.add(hash);
  }

  get size(): number {
    return this.#farmers.size;
  }

  get(token: string): Farmer | undefined {
    return this.#farmers.get(token);
  }

  tokens(): IterableIterator<string> {
    return this.#farmers.keys();
  }

  all(): IteratorObject<Farmer> {
    return this.#farmers.values();
  }

  add(token: string, identity: FarmerIdentity): void {
    this.save(this.#add(createFarmerRecord(token, identity)).record);
  }

  save(record: FarmerRecord): void {
    this.#store?.putFarmer(record);
  }

  delete(token: string): void {
    this.#farmers.delete(token);
    this.#store?.removeFarmer(token);
  }

  get isFull(): boolean {
    return this.#farmers.size >= MAX_FARMERS;
  }

  findOldestIdle(): string | undefined {
    for (const [token, { contracts }] of this.#farmers) if (contracts.size === 0) return token;
    return undefined;
  }

  /** The number of farmers with an IP address. */
  countAt(client: string): number {
    return this.#farmers.values().reduce((count, { record }) => count + (record.client === client ? 1 : 0), 0);
  }

  /** Removes a contract from the running ones. Remembers that it has ended if the farmer may ask for it. */
  removeContract({ token, hash, proof }: Contract): void {
    const farmer = this.#farmers.get(token);
    if (farmer === undefined) return;
    farmer.contracts.delete(hash);
    if (proof.kind !== 'heartbeat') return;
    farmer.ended.add(hash);
    this.#store?.putEnded({ token, hash });
    const [oldest] = farmer.ended;
    if (oldest === undefined || farmer.ended.size <= MAX_ENDED) return;
    farmer.ended.delete(oldest);
    this.#store?.removeEnded({ token, hash: oldest });
  }

  #add(record: FarmerRecord): Farmer {
    const farmer: Farmer = { record, contracts: new Map(), ended: new Set() };
    this.#farmers.set(record.token, farmer);
    return farmer;
  }
}
