import type { Contract } from '../contract/contract.ts';

/** A contract of one of this farmer's nodes. */
export interface HeldContract {
  readonly contract: Contract;
  /** Alias of the node. */
  readonly node: string;
  /** Folder of its chunk. */
  readonly disk: string | undefined;
}
