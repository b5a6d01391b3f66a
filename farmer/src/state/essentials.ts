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
  taken_at: z.number(),
});

/** What can't be had again: who farms where with which tokens. */
export interface Essentials {
  readonly farm: z.infer<typeof farmRow> | undefined;
  readonly nodes: readonly z.infer<typeof nodeRow>[];
  readonly disks: readonly z.infer<typeof diskRow>[];
}

/** A contract's terms, with dates of the machine's clock. */
export interface StoredTerms {
  readonly id: ContractId;
  readonly nodeId: number;
  readonly source: ChunkSource;
  readonly intervalMs: number;
  readonly takenAtWall: number;
}

/** Of the state or of its second copy: the tables have the same names and columns. */
export function readEssentials(db: DatabaseSync): Essentials {
  const farm = db.prepare('SELECT id, address FROM farm').get();
  return {
    farm: farm && farmRow.parse(farm),
    nodes: z.array(nodeRow).parse(db.prepare('SELECT id, url, token, leaving FROM node ORDER BY id').all()),
    disks: z.array(diskRow).parse(db.prepare('SELECT id, path FROM disk').all()),
  };
}

/** The terms of every contract, of the state or of its second copy. */
export function readTerms(db: DatabaseSync): StoredTerms[] {
  const rows = db.prepare('SELECT id, node_id, source_kind, source, interval_ms, taken_at FROM contract').all();
  return z
    .array(termsRow)
    .parse(rows)
    .map(({ id, node_id, source_kind, source, interval_ms, taken_at }) => ({
      id,
      nodeId: node_id,
      source: source_kind === 'secret' ? { kind: 'secret', secret: source } : { kind: 'url', url: source },
      intervalMs: interval_ms,
      takenAtWall: taken_at,
    }));
}

/** As the column `source` has it. */
export function textOf(source: ChunkSource): string {
  return source.kind === 'secret' ? source.secret : source.url;
}
