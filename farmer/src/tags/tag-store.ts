import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseError } from '@downstream/platform/sqlite';
import type { WorkerPool } from '../chunks/worker-pool.ts';
import type { ContractId } from '../contract/contract.ts';
import { MAX_TAG_LENGTH, type NewTag, type SavedTag, type TagPort } from '../farming/ports.ts';
import { toStateError } from '../state/sqlite.ts';
import { TAG_FILE, TAG_REPLICA_FILE, TagFile } from './tag-file.ts';
import type { TagReport } from './tag-recovery.ts';
import type { TagJob, TagJobOutcome, TagToSave } from './tag-tasks.ts';

interface TagStoreDeps {
  readonly pool: Pick<WorkerPool, 'run'>;
}

/**
 * The tags of all v1 contracts, in two files: nodes delete a tag when they have sent it, so a lost tag is a lost
 * contract. The files are created when the first tag is saved. All work runs in worker threads, one job at a time.
 */
export class TagStore implements TagPort {
  /** The directory of the files, for tasks that prove chunks. */
  readonly folder: string;
  readonly #pool: Pick<WorkerPool, 'run'>;
  /** Completes after the last job. */
  #lastJob: Promise<unknown> = Promise.resolve();
  readonly #removals: ContractId[] = [];
  /** Connections that are never used: closing the last one would flush and delete the log of a file after each job. */
  readonly #connections = new Map<string, TagFile>();

  constructor({ folder }: { readonly folder: string }, { pool }: TagStoreDeps) {
    this.folder = folder;
    this.#pool = pool;
  }

  /**
   * Restores a damaged or missing file from the other, and removes tags of unknown contracts. Must be called once,
   * before all other methods.
   *
   * @param known all contracts that need a tag
   * @throws StateError
   */
  async recover(known: ReadonlySet<ContractId>): Promise<TagReport> {
    const isUnused = [TAG_FILE, TAG_REPLICA_FILE].every((name) => !existsSync(join(this.folder, name)));
    if (isUnused && known.size === 0) return { restoredFiles: [], missing: [], removed: 0 };
    const outcome = await this.#run({ kind: 'recover', known });
    this.#keepOpen();
    return outcome.kind === 'recovered' ? outcome.report : failUnexpectedly(outcome);
  }

  /**
   * Validates and stores tags. After this returns, they survive a power failure.
   *
   * @returns the results in the same order
   * @throws StateError if the files cannot be written; ChunkError if the job was interrupted
   */
  async save(tags: readonly NewTag[]): Promise<readonly SavedTag[]> {
    const results: SavedTag[] = [];
    let batch: TagToSave[] = [];
    let length = 0;
    const saveBatch = async (): Promise<void> => {
      if (batch.length > 0) results.push(...(await this.#save(batch)));
      batch = [];
      length = 0;
    };
    for (const tag of tags) {
      const text = toText(tag);
      const isTooLong = text.tag.length > MAX_TAG_LENGTH || text.heartbeat.length > MAX_TAG_LENGTH;
      if (isTooLong || length + text.tag.length > MAX_TAG_LENGTH) await saveBatch();
      if (isTooLong) results.push('invalid');
      else batch.push(text);
      length += isTooLong ? 0 : text.tag.length;
    }
    await saveBatch();
    return results;
  }

  /** Removes a tag soon, together with others. If that fails, {@link recover} removes it at the next start. */
  remove(id: ContractId): void {
    this.#removals.push(id);
    if (this.#removals.length > 1) return;
    void this.#enqueue(async () => {
      const contractIds = this.#removals.splice(0);
      await this.#run({ kind: 'remove', contractIds });
    }).catch(() => {});
  }

  /** Adds all tags to a backup of the state, which must not be in use. @throws StateError */
  async addToBackup(path: string): Promise<void> {
    await this.#enqueue(async () => await this.#run({ kind: 'backup', path }));
  }

  /** Waits for the jobs so far: a node does not send tags again that are not saved. */
  async settle(): Promise<void> {
    await this.#lastJob;
  }

  /** Merges the logs into the files. Call it after the last job. */
  close(): void {
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
  }

  #keepOpen(): void {
    for (const name of [TAG_FILE, TAG_REPLICA_FILE]) {
      const path = join(this.folder, name);
      try {
        if (!this.#connections.has(name) && existsSync(path)) this.#connections.set(name, TagFile.open(path));
      } catch {
        // Jobs only take longer without it, and report errors themselves.
      }
    }
  }

  async #save(tags: readonly TagToSave[]): Promise<readonly SavedTag[]> {
    const outcome = await this.#enqueue(async () => await this.#run({ kind: 'save', tags }));
    this.#keepOpen();
    return outcome.kind === 'saved' ? outcome.results : failUnexpectedly(outcome);
  }

  async #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const job = this.#lastJob.then(work);
    this.#lastJob = job.catch(() => {});
    return await job;
  }

  async #run(job: TagJob): Promise<TagJobOutcome> {
    const { value } = await this.#pool.run({ kind: 'tags', folder: this.folder, job });
    if (value.kind !== 'failed') return value;
    throw toStateError(new DatabaseError(value.code, value.message), join(this.folder, TAG_FILE));
  }
}

function toText({ id, sizeBytes, received: { scheme, heartbeat, tag } }: NewTag): TagToSave {
  return {
    contractId: id,
    sizeBytes,
    scheme,
    heartbeat: JSON.stringify(heartbeat) ?? 'null',
    tag: JSON.stringify(tag) ?? 'null',
  };
}

function failUnexpectedly({ kind }: TagJobOutcome): never {
  throw new TypeError(`unexpected outcome of a job on tags: ${kind}`);
}
