import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ContractProof } from '@downstream/heartbeat';
import { getErrorMessage, onAbort, TimeoutError, withTimeout } from '@downstream/platform';
import { Piscina } from 'piscina';
import { ChunkError } from '../farming/errors.ts';
import type { CallOptions } from '../farming/ports.ts';
import { classifyDiskError } from './disk-health.ts';

/** What a worker thread can be asked for. Only paths and short texts cross: the bytes stay in the thread. */
export type Task =
  | {
      readonly kind: 'chunk';
      readonly path: string;
      readonly genesisPath: string;
      readonly genesisSha256: string;
      readonly secret: string;
    }
  | { readonly kind: 'randomio'; readonly path: string; readonly seed: string; readonly size: number }
  | { readonly kind: 'prove'; readonly path: string; readonly challenge: string }
  | { readonly kind: 'hash'; readonly path: string };

export interface TaskResult<T> {
  readonly value: T;
  /** How long the thread was at it. */
  readonly seconds: number;
}

/** What comes back from a thread. */
export type Outcome<T> =
  | ({ readonly ok: true } & TaskResult<T>)
  | { readonly ok: false; readonly code: string | undefined; readonly message: string };

interface Results {
  readonly chunk: string;
  readonly randomio: string;
  readonly prove: ContractProof;
  readonly hash: string;
}

/** Whoever sets no bound waits so long. */
const MAX_TASK_MS = 3_600_000;

/** Worker threads for the work on chunks (piscina): the event loop hashes and encrypts nothing. */
export class WorkerPool {
  /** How many threads there can be. */
  readonly size: number;
  readonly #pool: Piscina<Task, Outcome<unknown>>;
  /** Ends of the tasks under way, for when no thread could be started: they would wait in vain. */
  readonly #ends = new Set<AbortController>();
  #closed = false;

  constructor({ workers }: { workers: number }) {
    this.size = workers;
    // The worker's file beside this one: TypeScript when run from source, JavaScript when built.
    const worker = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
    this.#pool = new Piscina({
      filename: fileURLToPath(worker),
      minThreads: 1,
      // A thread that is slow goes on beside the others; see farming/work-queue.ts.
      maxThreads: 2 * workers,
      idleTimeout: 30_000,
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
    });
    // Of a thread that can't be started, or dies with nothing to do. The next task starts another.
    this.#pool.on('error', () => {
      if (this.#pool.threads.length > 0) return;
      for (const end of this.#ends) end.abort(new Error('none could be started'));
    });
  }

  /** How many threads work right now. */
  get busy(): number {
    return Math.min(this.#ends.size, this.size);
  }

  /**
   * A task that takes longer than `timeoutMs` is given up with its thread, which another one takes the place of.
   *
   * @throws ChunkError: `disk_full`, `unreadable`, `slow`, `exhausted`, or `interrupted` when the pool was closed or the signal aborted
   *   meanwhile. Its detail `cause` is the file system's code.
   */
  async run<K extends Task['kind']>(
    task: Task & { kind: K },
    { signal, timeoutMs }: CallOptions = {},
  ): Promise<TaskResult<Results[K]>> {
    const outcome = await this.#runInThread<K>(task, { signal, timeoutMs });
    if (outcome.ok) return outcome;
    throw fileError(outcome.code);
  }

  /** Ends the threads, whatever they are doing. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool.destroy();
  }

  async #runInThread<K extends Task['kind']>(
    task: Task,
    { signal, timeoutMs = MAX_TASK_MS }: CallOptions,
  ): Promise<Outcome<Results[K]>> {
    const end = new AbortController();
    if (signal?.aborted) end.abort(signal.reason);
    const forget = signal && onAbort(signal, () => end.abort(signal.reason));
    this.#ends.add(end);
    try {
      return await withTimeout(
        { signal: end.signal, timeoutMs },
        async (bounded) => (await this.#pool.run(task, { signal: bounded })) as Outcome<Results[K]>,
      );
    } catch (error) {
      if (this.#closed || signal?.aborted) throw new ChunkError('interrupted', 'the work on a chunk was given up');
      if (error instanceof TimeoutError)
        throw new ChunkError('slow', `a chunk took longer than ${Math.round(timeoutMs)} ms`);
      // What a thread does is done and told in it: it dies for want of memory, or is not born.
      throw new ChunkError('exhausted', `no worker thread did the work: ${getErrorMessage(error)}`);
    } finally {
      forget?.();
      this.#ends.delete(end);
    }
  }
}

/** What the file system's error means for a chunk. */
export function fileError(cause: string | undefined): ChunkError {
  if (cause === 'ENOSPC' || cause === 'EDQUOT') {
    return new ChunkError('disk_full', 'no room for the chunk: free space, or lower FARMER_SIZE', { cause });
  }
  if (cause !== undefined && classifyDiskError(cause) === 'exhausted') {
    return new ChunkError(
      'exhausted',
      "this process has no more file handles or memory: raise its limits (ulimit -n, or the container's)",
      { cause },
    );
  }
  return new ChunkError('unreadable', "a file can't be read or written", { cause: cause ?? 'unknown' });
}
