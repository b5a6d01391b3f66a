import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '@downstream/platform';
import { z } from 'zod';
import { type ContractId, FAILURE_REASONS } from '../contract/contract.ts';
import {
  EMPTY_TALLY,
  type ExitState,
  type ExitStorePort,
  type StoredContract,
  type StoredOutcome,
  type StorePort,
  type Tally,
  type TokenStorePort,
} from '../farming/ports.ts';
import type { Journal } from './journal.ts';
import { formatSource } from './registry.ts';
import { inDurableTransaction, inTransaction } from './sqlite.ts';
import type { StateReplica } from './state-replica.ts';

const contractRow = z.object({
  id: z.string(),
  source_kind: z.enum(['secret', 'url']),
  source: z.string(),
  interval_ms: z.number(),
  accepted_at: z.number(),
  round_number: z.number(),
  round_issued_at: z.number(),
  has_chunk: z.number(),
  settled: z.string().nullable(),
});
const tallyRow = z.object({ name: z.enum(['passed', ...FAILURE_REASONS]), count: z.number() });
const nodeRow = z.object({ token: z.string().nullable(), leaving: z.enum(['no', 'leaving', 'left']) });

export interface NodeStoreDeps {
  readonly db: DatabaseSync;
  readonly mirror: StateReplica;
  readonly journal: Journal;
  readonly clock: Pick<Clock, 'toWallTime' | 'toInstant'>;
  /** To be called when what the mirror knows of the nodes has changed. */
  readonly registryChanged: () => void;
}

/** The state of one node's contracts. Instants are of the farmer's clock; what is written are dates of the machine's. */
export class NodeStore implements StorePort, TokenStorePort, ExitStorePort {
  readonly id: number;
  readonly #deps: NodeStoreDeps;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #count: StatementSync;
  readonly #remove: StatementSync;
  /** Asked for again and again, so not read from the file each time. */
  #leaving: ExitState;

  constructor(id: number, parts: NodeStoreDeps) {
    const { db } = parts;
    this.id = id;
    this.#deps = parts;
    this.#insert = db.prepare(
      'INSERT INTO contract (id, node_id, source_kind, source, interval_ms, accepted_at, round_number, round_issued_at, has_chunk) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#update = db.prepare(
      'UPDATE contract SET round_number = ?, round_issued_at = ?, has_chunk = ?, settled = ? WHERE id = ?',
    );
    this.#count = db.prepare(
      'INSERT INTO tally (node_id, name, count) VALUES (?, ?, ?) ON CONFLICT (node_id, name) DO UPDATE SET count = excluded.count',
    );
    this.#remove = db.prepare('DELETE FROM contract WHERE id = ?');
    this.#leaving = this.#row().leaving;
  }

  token(): string | undefined {
    return this.#row().token ?? undefined;
  }

  saveToken(token: string): void {
    this.#save('UPDATE node SET token = ? WHERE id = ?', token);
  }

  leaving(): ExitState {
    return this.#leaving;
  }

  saveExitState(leaving: ExitState): void {
    this.#save('UPDATE node SET leaving = ? WHERE id = ?', leaving);
    this.#leaving = leaving;
  }

  /** Both files have it, or the contract is not taken; what only one has after a crash, the next start completes. */
  insert({ terms, round, hadChunk }: StoredContract): void {
    const { db, mirror, clock } = this.#deps;
    const { id, source, intervalMs, acceptedAt } = terms;
    const acceptedAtWall = clock.toWallTime(acceptedAt);
    const issuedAt = clock.toWallTime(round.issuedAt);
    inDurableTransaction(db, () => {
      this.#insert.run(
        id,
        this.id,
        source.kind,
        formatSource(source),
        intervalMs,
        acceptedAtWall,
        round.number,
        issuedAt,
        Number(hadChunk),
      );
      mirror.insert([{ id, nodeId: this.id, source, intervalMs, acceptedAtWall }]);
    });
  }

  update({ terms, round, settled, hadChunk }: StoredContract, outcome?: StoredOutcome): void {
    const { db, journal, clock } = this.#deps;
    inTransaction(db, () => {
      this.#update.run(round.number, clock.toWallTime(round.issuedAt), Number(hadChunk), settled ?? null, terms.id);
      if (outcome === undefined) return;
      this.#count.run(this.id, outcome.total.name, outcome.total.count);
      journal.add(outcome.entry);
    });
  }

  remove(id: ContractId): void {
    const { db, mirror } = this.#deps;
    mirror.remove(id);
    inDurableTransaction(db, () => {
      this.#remove.run(id);
    });
  }

  contracts(): StoredContract[] {
    const { db, clock } = this.#deps;
    return db
      .prepare('SELECT * FROM contract WHERE node_id = ? ORDER BY accepted_at')
      .all(this.id)
      .map((row) => {
        const { id, source_kind, source, interval_ms, accepted_at, round_number, round_issued_at, has_chunk, settled } =
          contractRow.parse(row);
        return {
          terms: {
            id,
            source: source_kind === 'secret' ? { kind: 'secret', secret: source } : { kind: 'url', url: source },
            intervalMs: interval_ms,
            acceptedAt: clock.toInstant(accepted_at),
          },
          round: { number: round_number, issuedAt: clock.toInstant(round_issued_at) },
          settled: settled ?? undefined,
          hadChunk: has_chunk === 1,
        };
      });
  }

  tally(): Tally {
    const rows = this.#deps.db.prepare('SELECT name, count FROM tally WHERE node_id = ?').all(this.id);
    return {
      ...EMPTY_TALLY,
      ...Object.fromEntries(
        z
          .array(tallyRow)
          .parse(rows)
          .map(({ name, count }) => [name, count]),
      ),
    };
  }

  #row(): z.infer<typeof nodeRow> {
    return nodeRow.parse(this.#deps.db.prepare('SELECT token, leaving FROM node WHERE id = ?').get(this.id));
  }

  /** In both files or in none: what only one had would be found there by the next start, whatever was said of it here. */
  #save(sql: string, value: string): void {
    const { db, registryChanged } = this.#deps;
    inDurableTransaction(db, () => {
      db.prepare(sql).run(value, this.id);
      registryChanged();
    });
  }
}
