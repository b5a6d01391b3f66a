import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Clock } from '@downstream/platform';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { z } from 'zod';
import { type ContractId, FAILURE_REASONS } from '../contract/contract.ts';
import type { ClockOffsets } from '../contract/lost-time.ts';
import {
  type ClockStorePort,
  EMPTY_TALLY,
  type ExitState,
  type ExitStorePort,
  type NodeApi,
  type StoredContract,
  type StoredOutcome,
  type StorePort,
  type Tally,
  type TokenStorePort,
} from '../farming/ports.ts';
import type { Journal } from './journal.ts';
import { nodeColumns, readRegistry, TERMS_COLUMN_NAMES, termsColumns, toTerms, toTermsValues } from './registry.ts';
import { inDurableTransaction, inTransaction } from './sqlite.ts';
import type { StateReplica } from './state-replica.ts';
import { Timeline } from './timeline.ts';

const contractRow = termsColumns.extend({
  round_number: z.number(),
  round_issued_at: z.number(),
  had_chunk: z.number(),
  settled_challenge: z.string().nullable(),
  outcome_unknown: z.number(),
  lapsed: z.number(),
});
const totalRow = z.object({ outcome: z.enum(['passed', ...FAILURE_REASONS]), count: z.number() });
const nodeRow = nodeColumns.pick({ token: true, exit_state: true, api: true });

const CONTRACT_COLUMN_NAMES = [
  ...TERMS_COLUMN_NAMES,
  'round_number',
  'round_issued_at',
  'had_chunk',
  'outcome_unknown',
];
export const INSERT_CONTRACT = `INSERT INTO contract (${CONTRACT_COLUMN_NAMES.join(', ')}) VALUES (${CONTRACT_COLUMN_NAMES.map(() => '?').join(', ')})`;

export interface NodeStoreDeps {
  readonly db: DatabaseSync;
  readonly replica: StateReplica;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Whether the farmer may have used a later version of this state. */
  readonly isOutdated: boolean;
}

/** The state of one node's contracts. Rounds are stored on a {@link Timeline}, other instants as wall-clock time. */
export class NodeStore implements StorePort, TokenStorePort, ExitStorePort, ClockStorePort {
  readonly id: number;
  readonly #deps: NodeStoreDeps;
  readonly #timeline: Timeline;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #saveTotal: StatementSync;
  readonly #remove: StatementSync;
  /** Cached because it is read frequently. */
  #exitState: ExitState;

  constructor(id: number, deps: NodeStoreDeps) {
    const { db } = deps;
    this.id = id;
    this.#deps = deps;
    this.#timeline = Timeline.read(id, deps);
    this.#insert = db.prepare(INSERT_CONTRACT);
    this.#update = db.prepare(
      'UPDATE contract SET round_number = ?, round_issued_at = ?, had_chunk = ?, settled_challenge = ?, outcome_unknown = ?, lapsed = ? WHERE id = ?',
    );
    this.#saveTotal = db.prepare(
      'INSERT INTO challenge_total (node_id, outcome, count) VALUES (?, ?, ?) ON CONFLICT (node_id, outcome) DO UPDATE SET count = excluded.count',
    );
    this.#remove = db.prepare('DELETE FROM contract WHERE id = ?');
    this.#exitState = this.#readNode().exit_state;
  }

  token(): string | undefined {
    return this.#readNode().token ?? undefined;
  }

  saveToken(token: string): void {
    this.#save('UPDATE node SET token = ? WHERE id = ?', token);
  }

  api(): NodeApi | undefined {
    return this.#readNode().api ?? undefined;
  }

  saveApi(api: NodeApi): void {
    // A token of the other API is of no use.
    if (this.api() !== undefined) this.#save('UPDATE node SET token = ? WHERE id = ?', null);
    this.#save('UPDATE node SET api = ? WHERE id = ?', api);
  }

  exitState(): ExitState {
    return this.#exitState;
  }

  saveExitState(state: ExitState): void {
    this.#save('UPDATE node SET exit_state = ? WHERE id = ?', state);
    this.#exitState = state;
  }

  /** Writes to state and replica. If a crash leaves contracts in only one, the next start adds them to the other. */
  insert(...contracts: readonly StoredContract[]): void {
    if (contracts.length === 0) return;
    const { db, replica, clock } = this.#deps;
    inDurableTransaction(db, () => {
      const inserted = contracts.map(({ terms, round, hadChunk }) => {
        const stored = { ...terms, nodeId: this.id, acceptedAtWall: clock.toWallTime(terms.acceptedAt) };
        const issuedAt = this.#timeline.toStored(round.issuedAt);
        this.#insert.run(...toTermsValues(stored), round.number, issuedAt, Number(hadChunk), 0);
        return stored;
      });
      replica.insert(inserted);
    });
  }

  update({ terms, round, settled, isLapsed, hadChunk, isUnknown }: StoredContract, outcome?: StoredOutcome): void {
    const { db, journal } = this.#deps;
    const issuedAt = this.#timeline.toStored(round.issuedAt);
    inTransaction(db, () => {
      const [unknown, lapsed] = [Number(isUnknown ?? false), Number(isLapsed ?? false)];
      this.#update.run(round.number, issuedAt, Number(hadChunk), settled ?? null, unknown, lapsed, terms.id);
      if (outcome === undefined) return;
      const { total } = outcome;
      if (total !== undefined) this.#saveTotal.run(this.id, total.name, total.count);
      journal.add(outcome.entry);
    });
  }

  remove(id: ContractId): void {
    const { db, replica } = this.#deps;
    replica.remove(id);
    inDurableTransaction(db, () => {
      this.#remove.run(id);
    });
  }

  inBatch(work: () => void): void {
    inTransaction(this.#deps.db, work);
  }

  contracts({ sizeBytes: defaultBytes = STANDARD_GENESIS.sizeBytes } = {}): StoredContract[] {
    const { db, journal, clock, isOutdated } = this.#deps;
    const lastOutcomes = journal.lastOutcomes();
    return db
      .prepare('SELECT * FROM contract WHERE node_id = ? ORDER BY accepted_at')
      .all(this.id)
      .map((found) => {
        const row = contractRow.parse(found);
        const { nodeId: _, acceptedAtWall, sizeBytes = defaultBytes, ...terms } = toTerms(row);
        return {
          terms: { ...terms, sizeBytes, acceptedAt: clock.toInstant(acceptedAtWall) },
          round: { number: row.round_number, issuedAt: this.#timeline.toInstant(row.round_issued_at) },
          settled: row.settled_challenge ?? undefined,
          isLapsed: row.lapsed === 1 ? true : undefined,
          hadChunk: row.had_chunk === 1,
          // On a full disk, it was not written.
          isUnknown: isOutdated || row.outcome_unknown === 1,
          last: lastOutcomes.get(row.id),
        };
      });
  }

  clockOffsets(): ClockOffsets | undefined {
    return this.#timeline.offsets;
  }

  saveClockOffsets(offsets: ClockOffsets): void {
    inTransaction(this.#deps.db, () => this.#timeline.saveMark(offsets));
  }

  tally(): Tally {
    const rows = this.#deps.db.prepare('SELECT outcome, count FROM challenge_total WHERE node_id = ?').all(this.id);
    const totals = z.array(totalRow).parse(rows);
    return { ...EMPTY_TALLY, ...Object.fromEntries(totals.map(({ outcome, count }) => [outcome, count])) };
  }

  #readNode(): z.infer<typeof nodeRow> {
    return nodeRow.parse(this.#deps.db.prepare('SELECT token, exit_state, api FROM node WHERE id = ?').get(this.id));
  }

  /** Writes to state and replica, or to neither: otherwise the next start would restore a value whose write failed. */
  #save(sql: string, value: string | null): void {
    const { db, replica } = this.#deps;
    inDurableTransaction(db, () => {
      db.prepare(sql).run(value, this.id);
      replica.saveRegistry(readRegistry(db));
    });
  }
}
