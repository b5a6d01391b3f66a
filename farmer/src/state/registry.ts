import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import type { ChunkSource, ContractId } from '../contract/contract.ts';

const farmRow = z.object({ id: z.string(), address: z.string() });
const nodeRow = z.object({
  id: z.number(),
  url: z.string(),
  token: z.string().nullable(),
  leaving: z.enum(['no', 'leaving', 'left']),
});
const diskRow = z.object({ id: z.string(), path: z.string() });
const termsRow = z.object({
  id: z.string(),
  node_id: z.number(),
  source_kind: z.enum(['secret', 'url']),
  source: z.string(),
  interval_ms: z.number(),
  accepted_at: z.number(),
});

/** What can't be had again: who farms where with which tokens. */
export interface Registry {
  readonly farm: z.infer<typeof farmRow> | undefined;
  readonly nodes: readonly z.infer<typeof nodeRow>[];
  readonly disks: readonly z.infer<typeof diskRow>[];
}

/** A contract's terms, with dates of the machine's clock. */
export interface StoredContractTerms {
  readonly id: ContractId;
  readonly nodeId: number;
  readonly source: ChunkSource;
  readonly intervalMs: number;
  readonly acceptedAtWall: number;
}

/** Of the state or of its second copy: the tables have the same names and columns. */
export function readRegistry(db: DatabaseSync): Registry {
  const farm = db.prepare('SELECT id, address FROM farm').get();
  return {
    farm: farm && farmRow.parse(farm),
    nodes: z.array(nodeRow).parse(db.prepare('SELECT id, url, token, leaving FROM node ORDER BY id').all()),
    disks: z.array(diskRow).parse(db.prepare('SELECT id, path FROM disk').all()),
  };
}

/** The terms of every contract, of the state or of its second copy. */
export function readContractTerms(db: DatabaseSync): StoredContractTerms[] {
  const rows = db.prepare('SELECT id, node_id, source_kind, source, interval_ms, accepted_at FROM contract').all();
  return z
    .array(termsRow)
    .parse(rows)
    .map(({ id, node_id, source_kind, source, interval_ms, accepted_at }) => ({
      id,
      nodeId: node_id,
      source: source_kind === 'secret' ? { kind: 'secret', secret: source } : { kind: 'url', url: source },
      intervalMs: interval_ms,
      acceptedAtWall: accepted_at,
    }));
}

/** As the column `source` has it. */
export function formatSource(source: ChunkSource): string {
  return source.kind === 'secret' ? source.secret : source.url;
}
