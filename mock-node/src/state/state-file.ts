import { statSync } from 'node:fs';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { inTransaction, openDatabase } from '@downstream/platform/sqlite';
import { z } from 'zod';
import type { ClockSnapshot } from '../clock/node-clock.ts';
import type { StoredHeartbeat } from '../heartbeats/heartbeat.ts';
import type { HeartbeatStore } from '../heartbeats/node-heartbeat.ts';
import type { StoredContract } from '../ledger/contract.ts';
import type { FarmerRecord } from '../ledger/farmer-record.ts';
import type { CreatedCounts, EndedContract, LedgerStore, StoredLedger } from '../ledger/ledger-store.ts';
import { contractRow, endedRow, farmerRow, nodeRow } from './rows.ts';
import { SCHEMA } from './schema.ts';
import { StateError, toStateError } from './state-error.ts';

/** What a state file belongs to. */
export interface StateIdentity {
  /** The seed that was set: another one would not repeat the run. Undefined if none was set. */
  readonly seed: string | undefined;
  /** The contracts are useless with another genesis file. */
  readonly genesisSha256: string;
}

export interface StoredState {
  readonly ledger: StoredLedger;
  readonly clock: ClockSnapshot | undefined;
  /** Undefined until the node has been used through the v1 API. */
  readonly heartbeat: StoredHeartbeat | undefined;
}

/**
 * The farmers, the contracts, the position in the random sequences and the clock in SQLite. It collects the ledger's
 * changes, and {@link save} writes them in one transaction. The file is locked while it is open.
 */
export class StateFile implements LedgerStore, HeartbeatStore {
  /** The seed that was set when the file was created. */
  readonly seed: string | undefined;
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #inode: number | undefined;
  readonly #statements: Record<
    | 'setCreated'
    | 'setClock'
    | 'setHeartbeat'
    | 'putFarmer'
    | 'removeFarmer'
    | 'putContract'
    | 'removeContract'
    | 'putEnded'
    | 'removeEnded'
    | 'removeAllEnded',
    StatementSync
  >;
  /** The pending changes. Only the last one about each subject counts. */
  #created: CreatedCounts | undefined;
  #heartbeat: { readonly value: StoredHeartbeat | undefined } | undefined;
  readonly #farmers = new Map<string, Readonly<FarmerRecord> | undefined>();
  readonly #contracts = new Map<number, Readonly<StoredContract> | undefined>();
  /** Keyed by token and hash. */
  readonly #ended = new Map<string, { readonly contract: EndedContract; readonly isKept: boolean }>();

  private constructor(path: string, db: DatabaseSync, { seed }: Pick<StateIdentity, 'seed'>) {
    this.seed = seed;
    this.#path = path;
    this.#db = db;
    this.#inode = readInode(path);
    this.#statements = {
      setCreated: db.prepare('UPDATE node SET farmers_created = ?, contracts_created = ?'),
      setClock: db.prepare('UPDATE node SET clock = ?'),
      setHeartbeat: db.prepare('UPDATE node SET heartbeat = ?'),
      putFarmer: db.prepare(
        'INSERT INTO farmer (token, record) VALUES (?, ?) ON CONFLICT (token) DO UPDATE SET record = excluded.record',
      ),
      removeFarmer: db.prepare('DELETE FROM farmer WHERE token = ?'),
      putContract: db.prepare('INSERT OR REPLACE INTO contract (number, contract) VALUES (?, ?)'),
      removeContract: db.prepare('DELETE FROM contract WHERE number = ?'),
      putEnded: db.prepare('INSERT OR IGNORE INTO ended_contract (token, hash) VALUES (?, ?)'),
      removeEnded: db.prepare('DELETE FROM ended_contract WHERE token = ? AND hash = ?'),
      removeAllEnded: db.prepare('DELETE FROM ended_contract WHERE token = ?'),
    };
  }

  /**
   * Opens or creates the state file.
   *
   * @throws StateError
   */
  static open(path: string, identity: StateIdentity): StateFile {
    try {
      const db = openDatabase(path, SCHEMA);
      try {
        return new StateFile(path, db, checkIdentity(db, path, identity));
      } catch (error) {
        db.close();
        throw error;
      }
    } catch (error) {
      throw toStateError(error, path);
    }
  }

  /** @throws StateError if the file is damaged */
  load(): StoredState {
    try {
      const node = nodeRow.parse(this.#db.prepare('SELECT * FROM node').get());
      const farmers = z.array(farmerRow).parse(this.#db.prepare('SELECT record FROM farmer ORDER BY number').all());
      const contracts = this.#db.prepare('SELECT contract FROM contract ORDER BY number').all();
      const ended = this.#db.prepare('SELECT token, hash FROM ended_contract ORDER BY number').all();
      return {
        ledger: {
          created: { farmers: node.farmers_created, contracts: node.contracts_created },
          farmers: farmers.map(({ record }) => record),
          contracts: contracts.map((row) => contractRow.parse(row).contract),
          ended: z.array(endedRow).parse(ended),
        },
        clock: node.clock ?? undefined,
        heartbeat: node.heartbeat ?? undefined,
      };
    } catch (error) {
      throw toStateError(error, this.#path);
    }
  }

  setCreated(created: CreatedCounts): void {
    this.#created = created;
  }

  setHeartbeat(heartbeat: StoredHeartbeat | undefined): void {
    this.#heartbeat = { value: heartbeat };
  }

  putFarmer(farmer: Readonly<FarmerRecord>): void {
    this.#farmers.set(farmer.token, farmer);
  }

  removeFarmer(token: string): void {
    this.#farmers.set(token, undefined);
  }

  putContract(contract: Readonly<StoredContract>): void {
    this.#contracts.set(contract.index, contract);
  }

  removeContract({ index }: Readonly<StoredContract>): void {
    this.#contracts.set(index, undefined);
  }

  putEnded(contract: EndedContract): void {
    this.#ended.set(`${contract.token} ${contract.hash}`, { contract, isKept: true });
  }

  removeEnded(contract: EndedContract): void {
    this.#ended.set(`${contract.token} ${contract.hash}`, { contract, isKept: false });
  }

  get hasPendingChanges(): boolean {
    const hasNodeChanges = this.#created !== undefined || this.#heartbeat !== undefined;
    return hasNodeChanges || this.#contracts.size > 0 || this.#farmers.size > 0 || this.#ended.size > 0;
  }

  /**
   * Writes the pending changes and the clock. After it returns, killing the process loses none of them. Changes that
   * could not be written stay pending.
   *
   * @throws StateError
   */
  save(clock: ClockSnapshot): void {
    try {
      // Without this check, changes would go to a file that no longer has a name.
      if (readInode(this.#path) !== this.#inode)
        throw new StateError(
          'unwritable',
          `MOCK_STATE (${JSON.stringify(this.#path)}) was deleted or replaced: restart the node to use what is there now`,
        );
      inTransaction(this.#db, () => this.#write(clock));
    } catch (error) {
      throw toStateError(error, this.#path);
    }
    this.#created = undefined;
    this.#heartbeat = undefined;
    this.#farmers.clear();
    this.#contracts.clear();
    this.#ended.clear();
  }

  /**
   * Closes the file. Does nothing if it is closed already.
   *
   * @param clock saved with the pending changes
   */
  close(clock?: ClockSnapshot): void {
    if (!this.#db.isOpen) return;
    try {
      if (clock !== undefined) this.save(clock);
    } finally {
      this.#db.close();
    }
  }

  #write(clock: ClockSnapshot): void {
    const { setCreated, setClock, setHeartbeat, putFarmer, removeFarmer, putContract, removeContract } =
      this.#statements;
    const { putEnded, removeEnded, removeAllEnded } = this.#statements;
    if (this.#created !== undefined) setCreated.run(this.#created.farmers, this.#created.contracts);
    if (this.#heartbeat !== undefined) setHeartbeat.run(JSON.stringify(this.#heartbeat.value) ?? null);
    for (const { contract, isKept } of this.#ended.values())
      (isKept ? putEnded : removeEnded).run(contract.token, contract.hash);
    for (const [token, farmer] of this.#farmers) {
      if (farmer !== undefined) putFarmer.run(token, JSON.stringify(farmer));
      else {
        removeFarmer.run(token);
        removeAllEnded.run(token);
      }
    }
    for (const [index, contract] of this.#contracts) {
      if (contract === undefined) removeContract.run(index);
      // JSON omits undefined properties: the verifier can be computed again.
      else putContract.run(index, JSON.stringify({ ...contract, verifier: undefined }));
    }
    setClock.run(JSON.stringify(clock));
  }
}

/** Identifies the file at the path; undefined if there is none. */
function readInode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/**
 * Stores the identity in a new file.
 *
 * @returns the identity of the file
 * @throws StateError if the file belongs to another node
 */
function checkIdentity(db: DatabaseSync, path: string, { seed, genesisSha256 }: StateIdentity): StateIdentity {
  const row = db.prepare('SELECT * FROM node').get();
  if (row === undefined) {
    db.prepare('INSERT INTO node (seed, genesis_sha256, farmers_created, contracts_created) VALUES (?, ?, 0, 0)').run(
      seed ?? '',
      genesisSha256,
    );
    return { seed, genesisSha256 };
  }
  const known = nodeRow.parse(row);
  const file = `MOCK_STATE (${JSON.stringify(path)})`;
  if (seed !== undefined && known.seed !== seed) {
    const owner = known.seed === undefined ? 'without a seed' : `with the seed ${JSON.stringify(known.seed)}`;
    const remedy = known.seed === undefined ? 'unset' : 'restore';
    throw new StateError(
      'other_seed',
      `${file} belongs to a node ${owner}, not ${JSON.stringify(seed)}: ${remedy} MOCK_SEED, or choose another file`,
    );
  }
  if (known.genesis_sha256 !== genesisSha256)
    throw new StateError(
      'other_genesis',
      `${file} belongs to a node with the genesis file ${known.genesis_sha256}, not ${genesisSha256}: restore MOCK_GENESIS and MOCK_GENESIS_SHA256, or choose another file`,
    );
  return { seed: known.seed, genesisSha256 };
}
