import type { StoredContract } from './contract.ts';
import type { FarmerRecord } from './farmer-record.ts';

/** How many farmers and contracts were created: the position in the random sequences. */
export interface CreatedCounts {
  readonly farmers: number;
  readonly contracts: number;
}

/** A heartbeat contract of which the farmer learns that it has expired. */
export type EndedContract = Pick<StoredContract, 'token' | 'hash'>;

export interface StoredLedger {
  readonly created: CreatedCounts;
  readonly farmers: readonly FarmerRecord[];
  readonly contracts: readonly StoredContract[];
  /** In the order in which they ended. */
  readonly ended: readonly EndedContract[];
}

/** Stores a ledger's changes. A call replaces earlier ones about the same subject. */
export interface LedgerStore {
  setCreated(created: CreatedCounts): void;
  /** The store may read the record later, when it has changed further. */
  putFarmer(farmer: Readonly<FarmerRecord>): void;
  /** Also removes its ended contracts. */
  removeFarmer(token: string): void;
  /** The store may read the contract later, when it has changed further. */
  putContract(contract: Readonly<StoredContract>): void;
  removeContract(contract: Readonly<StoredContract>): void;
  putEnded(contract: EndedContract): void;
  removeEnded(contract: EndedContract): void;
}
