import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { type ChunkSource, PROOF_KINDS, type Terms } from '../contract/contract.ts';
import { EXIT_STATES, NODE_APIS } from '../farming/ports.ts';

const farmRow = z.object({ id: z.string(), address: z.string() });
export const nodeColumns = z.object({
  id: z.number(),
  url: z.string(),
  token: z.string().nullable(),
  exit_state: z.enum(EXIT_STATES),
  api: z.enum(NODE_APIS).nullable(),
});
const diskRow = z.object({ id: z.string(), path: z.string() });
const sourceKind = z.enum(['secret', 'url', 'seed']);
export const termsColumns = z.object({
  id: z.string(),
  node_id: z.number(),
  source_kind: sourceKind,
  source: z.string(),
  interval_ms: z.number(),
  accepted_at: z.number(),
  reference: z.string().nullable(),
  size_bytes: z.number().nullable(),
  proof: z.enum(PROOF_KINDS),
  challenge_count: z.number().nullable(),
});
type TermsRow = z.infer<typeof termsColumns>;
/** The columns in the order of {@link toTermsValues}. */
export const TERMS_COLUMN_NAMES = Object.keys(termsColumns.shape);

/** The farm's identity, its nodes with their tokens, and its disks. The state and its replica both hold it. */
export interface Registry {
  readonly farm: z.infer<typeof farmRow> | undefined;
  readonly nodes: readonly z.infer<typeof nodeColumns>[];
  readonly disks: readonly z.infer<typeof diskRow>[];
}

/** The terms of a contract as stored. `acceptedAtWall` is wall-clock time, since instants do not survive a restart. */
export interface StoredContractTerms extends Omit<Terms, 'acceptedAt' | 'sizeBytes'> {
  readonly nodeId: number;
  /** Undefined if an earlier version stored the contract: the size of the genesis file. */
  readonly sizeBytes: number | undefined;
  readonly acceptedAtWall: number;
}

export function readRegistry(db: DatabaseSync): Registry {
  const farm = db.prepare('SELECT id, address FROM farm').get();
  return {
    farm: farm && farmRow.parse(farm),
    nodes: z.array(nodeColumns).parse(db.prepare('SELECT id, url, token, exit_state, api FROM node ORDER BY id').all()),
    disks: z.array(diskRow).parse(db.prepare('SELECT id, path FROM disk').all()),
  };
}

/** Replaces the registry. Must be called in a transaction. */
export function writeRegistry(db: DatabaseSync, { farm, nodes, disks }: Registry): void {
  db.exec('DELETE FROM farm; DELETE FROM node;');
  if (farm) db.prepare('INSERT INTO farm (id, address) VALUES (?, ?)').run(farm.id, farm.address);
  const insert = db.prepare('INSERT INTO node (id, url, token, exit_state, api) VALUES (?, ?, ?, ?, ?)');
  for (const { id, url, token, exit_state, api } of nodes) insert.run(id, url, token, exit_state, api);
  writeDisks(db, disks);
}

export function writeDisks(db: DatabaseSync, disks: Registry['disks']): void {
  db.exec('DELETE FROM disk');
  const insert = db.prepare('INSERT INTO disk (id, path) VALUES (?, ?)');
  for (const { id, path } of disks) insert.run(id, path);
}

export function readContractTerms(db: DatabaseSync): StoredContractTerms[] {
  const rows = db.prepare(`SELECT ${TERMS_COLUMN_NAMES.join(', ')} FROM contract`).all();
  return z.array(termsColumns).parse(rows).map(toTerms);
}

export function toTerms(row: TermsRow): StoredContractTerms {
  return {
    id: row.id,
    nodeId: row.node_id,
    reference: row.reference === null ? row.id : referenceText.parse(JSON.parse(row.reference)),
    source: toSource(row.source_kind, row.source),
    sizeBytes: row.size_bytes ?? undefined,
    proof: row.proof,
    challengeCount: row.challenge_count ?? undefined,
    intervalMs: row.interval_ms,
    acceptedAtWall: row.accepted_at,
  };
}

const referenceText = z.union([z.string(), z.number()]);

/** The values of {@link TERMS_COLUMN_NAMES}. */
export function toTermsValues(terms: StoredContractTerms): (string | number | null)[] {
  const row: TermsRow = {
    id: terms.id,
    node_id: terms.nodeId,
    source_kind: terms.source.kind,
    source: formatSource(terms.source),
    interval_ms: terms.intervalMs,
    accepted_at: terms.acceptedAtWall,
    // Text in JSON differs from a number.
    reference: terms.reference === terms.id ? null : JSON.stringify(terms.reference),
    size_bytes: terms.sizeBytes ?? null,
    proof: terms.proof,
    challenge_count: terms.challengeCount ?? null,
  };
  return Object.values(row);
}

function formatSource(source: ChunkSource): string {
  switch (source.kind) {
    case 'secret':
      return source.secret;
    case 'url':
      return source.url;
    case 'seed':
      return source.seed;
  }
}

function toSource(kind: z.infer<typeof sourceKind>, text: string): ChunkSource {
  switch (kind) {
    case 'secret':
      return { kind, secret: text };
    case 'url':
      return { kind, url: text };
    case 'seed':
      return { kind, seed: text };
  }
}
