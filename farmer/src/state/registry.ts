import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import type { ChunkSource, ContractId } from '../contract/contract.ts';
import { EXIT_STATES } from '../farming/ports.ts';

const farmRow = z.object({ id: z.string(), address: z.string() });
export const nodeColumns = z.object({
  id: z.number(),
  url: z.string(),
  token: z.string().nullable(),
  exit_state: z.enum(EXIT_STATES),
});
const diskRow = z.object({ id: z.string(), path: z.string() });
const sourceKind = z.enum(['secret', 'url']);
export const termsColumns = z.object({
  id: z.string(),
  node_id: z.number(),
  source_kind: sourceKind,
  source: z.string(),
  interval_ms: z.number(),
  accepted_at: z.number(),
});

/** The farm's identity, its nodes with their tokens, and its disks. The state and its replica both hold it. */
export interface Registry {
  readonly farm: z.infer<typeof farmRow> | undefined;
  readonly nodes: readonly z.infer<typeof nodeColumns>[];
  readonly disks: readonly z.infer<typeof diskRow>[];
}

/** The terms of a contract. `acceptedAtWall` is wall-clock time, since instants do not survive a restart. */
export interface StoredContractTerms {
  readonly id: ContractId;
  readonly nodeId: number;
  readonly source: ChunkSource;
  readonly intervalMs: number;
  readonly acceptedAtWall: number;
}

export function readRegistry(db: DatabaseSync): Registry {
  const farm = db.prepare('SELECT id, address FROM farm').get();
  return {
    farm: farm && farmRow.parse(farm),
    nodes: z.array(nodeColumns).parse(db.prepare('SELECT id, url, token, exit_state FROM node ORDER BY id').all()),
    disks: z.array(diskRow).parse(db.prepare('SELECT id, path FROM disk').all()),
  };
}

/** Replaces the registry. Must be called in a transaction. */
export function writeRegistry(db: DatabaseSync, { farm, nodes, disks }: Registry): void {
  db.exec('DELETE FROM farm; DELETE FROM node;');
  if (farm) db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
  const insert = db.prepare('INSERT INTO node (id, url, token, exit_state) VALUES (?, ?, ?, ?)');
  for (const { id, url, token, exit_state } of nodes) insert.run(id, url, token, exit_state);
  writeDisks(db, disks);
}

export function writeDisks(db: DatabaseSync, disks: Registry['disks']): void {
  db.exec('DELETE FROM disk');
  const insert = db.prepare('INSERT INTO disk (id, path) VALUES (?, ?)');
  for (const { id, path } of disks) insert.run(id, path);
}

export function readContractTerms(db: DatabaseSync): StoredContractTerms[] {
  const rows = db.prepare('SELECT id, node_id, source_kind, source, interval_ms, accepted_at FROM contract').all();
  return z
    .array(termsColumns)
    .parse(rows)
    .map((row) => ({
      id: row.id,
      nodeId: row.node_id,
      source: toSource(row.source_kind, row.source),
      intervalMs: row.interval_ms,
      acceptedAtWall: row.accepted_at,
    }));
}

/** The value of the column `source`. */
export function formatSource(source: ChunkSource): string {
  return source.kind === 'secret' ? source.secret : source.url;
}

export function toSource(kind: z.infer<typeof sourceKind>, text: string): ChunkSource {
  return kind === 'secret' ? { kind, secret: text } : { kind, url: text };
}
