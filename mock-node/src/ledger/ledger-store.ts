import type { StoredContract } from './contract.ts';
import type { FarmerRecord } from './farmer-record.ts';

/** How many farmers and contracts were created: the position in the random sequences. */
export interface CreatedCounts {
  readonly farmers: number;
  readonly contracts: number;
}

export interface StoredLedger {
  readonly created: CreatedCounts;
  readonly farmers: readonly FarmerRecord[];
  readonly contracts: readonly StoredContract[];
}

/** Stores a ledger's changes. A call replaces earlier ones about the same subject. */
export interface LedgerStore {
  setCreated(created: CreatedCounts): void;
  /** The store may read the record later, when it has changed further. */
  putFarmer(farmer: Readonly<FarmerRecord>): void;
  removeFarmer(token: string): void;
  /** The store may read the contract later, when it has changed further. */
  putContract(contract: Readonly<StoredContract>): void;
  removeContract(contract: Readonly<StoredContract>): void;
}
