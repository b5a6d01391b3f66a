import type { Clock } from '@downstream/platform';
import { z } from 'zod';
import { dueAt, OUTCOMES, PHASES } from '../contract/contract.ts';
import type { HeldContract } from './held-contract.ts';

/** A contract in the list of all contracts. */
export const contractRow = z.object({
  contract: z.string(),
  /** The node's name for the contract: in the v1 API a number, otherwise its id. */
  reference: z.union([z.string(), z.number()]),
  node: z.string(),
  /** Folder of its chunk; null while no disk has it. */
  disk: z.string().nullable(),
  /** Of its chunk. */
  sizeBytes: z.number(),
  phase: z.enum(PHASES),
  /** Result of its last challenge; null before the first. */
  lastResult: z.enum(OUTCOMES).nullable(),
  /** ISO 8601. */
  dueAt: z.string(),
});
export type ContractRow = z.infer<typeof contractRow>;

/** The nodes and disks that rows can name. */
export const contractListHeader = z.object({ nodes: z.array(z.string()), disks: z.array(z.string()) });

/** All contracts at one moment. Rows are created when they are read; contracts that end before are omitted. */
export interface ContractList extends z.infer<typeof contractListHeader> {
  readonly rows: Iterable<ContractRow>;
}

export function createContractRow(
  { contract, node, disk }: HeldContract,
  clock: Pick<Clock, 'toWallTime'>,
): ContractRow {
  return {
    contract: contract.terms.id,
    reference: contract.terms.reference,
    node,
    disk: disk ?? null,
    sizeBytes: contract.terms.sizeBytes,
    phase: contract.phase,
    lastResult: contract.last ?? null,
    dueAt: new Date(clock.toWallTime(dueAt(contract))).toISOString(),
  };
}
