import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getErrorMessage, onAbort, TimeoutError, withTimeout } from '@downstream/platform';
import { Piscina } from 'piscina';
import { ChunkError } from '../farming/errors.ts';
import type { CallOptions } from '../farming/ports.ts';
import type { TaggedProofOutcome, TaggedProofRequest } from '../tags/tag-prover.ts';
import type { TagJob, TagJobOutcome } from '../tags/tag-tasks.ts';
import { createFileError } from './chunk-errors.ts';
import type { DigestOutcome, DigestRequest } from './chunk-io.ts';

/** Work for a thread. Messages hold only paths and short strings: the bytes of a chunk stay in the thread. */
export type Task =
  | {
      readonly kind: 'chunk';
      readonly path: string;
      readonly genesisPath: string;
      readonly genesisSha256: string;
      readonly secret: string;
    }
  | { readonly kind: 'randomio'; readonly path: string; readonly seed: string; readonly size: number }
  | { readonly kind: 'seeded_chunk'; readonly path: string; readonly seed: string; readonly size: number }
  | { readonly kind: 'compare_seed'; readonly path: string; readonly seed: string; readonly size: number }
  | { readonly kind: 'prove_tagged'; readonly folder: string; readonly requests: readonly TaggedProofRequest[] }
  | { readonly kind: 'tags'; readonly folder: string; readonly job: TagJob }
  | { readonly kind: 'prove'; readonly requests: readonly DigestRequest[] }
  | { readonly kind: 'hash'; readonly path: string };

export interface TaskResult<T> {
  readonly value: T;
  /** Time that the thread spent on the task. */
  readonly seconds: number;
}

/** The message that a thread returns. */
export type TaskOutcome<T> =
  | ({ readonly ok: true } & TaskResult<T>)
  | { readonly ok: false; readonly code: string | undefined };

interface ValueByKind {
  readonly chunk: string;
  readonly randomio: string;
  readonly seeded_chunk: undefined;
  /** Whether the file is the chunk of the seed. */
  readonly compare_seed: boolean;
  readonly prove_tagged: readonly TaggedProofOutcome[];
  readonly tags: TagJobOutcome;
  readonly prove: readonly DigestOutcome[];
  readonly hash: string;
}

const MAX_TASK_MS = 3_600_000;

/** Worker threads that hash and encrypt chunks, so that the event loop does not. */
export class WorkerPool {
  /** The configured number of threads. */
  readonly size: number;
  readonly #pool: Piscina<Task, TaskOutcome<unknown>>;
  /** Aborts the running tasks if no thread could be started for them. */
  readonly #running = new Set<AbortController>();
  #isClosed = false;

  constructor({ workers }: { workers: number }) {
    this.size = workers;
    // The worker file beside this one: TypeScript if run from source, JavaScript if built.
    const worker = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);
    this.#pool = new Piscina({
      filename: fileURLToPath(worker),
      minThreads: 1,
      // A slow task keeps its thread while the work queue lets others start; see farming/work-queue.ts.
      maxThreads: 2 * workers,
      idleTimeout: 30_000,
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
    });
    // Emitted if a thread cannot be started or dies while idle. The next task starts another.
    this.#pool.on('error', () => {
      if (this.#pool.threads.length > 0) return;
      for (const controller of this.#running) controller.abort(new Error('no thread could be started'));
    });
  }

  /** How many threads are working. */
  get busy(): number {
    return Math.min(this.#running.size, this.size);
  }

  /**
   * Runs a task in a thread. A task that exceeds `timeoutMs` is aborted and its thread replaced.
   *
   * @throws ChunkError: `disk_full`, `unreadable`, `slow`, `exhausted`, or `interrupted` if the pool was closed or the
   *   signal aborted. Its detail `cause` is the code of the file system's error.
   */
  async run<K extends Task['kind']>(
    task: Task & { kind: K },
    options: CallOptions = {},
  ): Promise<TaskResult<ValueByKind[K]>> {
    const outcome = await this.#runInThread<K>(task, options);
    if (outcome.ok) return outcome;
    throw createFileError(outcome.code);
  }

  /** Terminates all threads, including those that are working. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#pool.destroy();
  }

  async #runInThread<K extends Task['kind']>(
    task: Task,
    { signal, timeoutMs = MAX_TASK_MS }: CallOptions,
  ): Promise<TaskOutcome<ValueByKind[K]>> {
    const controller = new AbortController();
    if (signal?.aborted) controller.abort(signal.reason);
    const stopListening = signal && onAbort(signal, () => controller.abort(signal.reason));
    this.#running.add(controller);
    try {
      return await withTimeout(
        { signal: controller.signal, timeoutMs },
        async (bounded) => (await this.#pool.run(task, { signal: bounded })) as TaskOutcome<ValueByKind[K]>,
      );
    } catch (error) {
      if (this.#isClosed || signal?.aborted) throw new ChunkError('interrupted', 'the work on a chunk was interrupted');
      if (error instanceof TimeoutError)
        throw new ChunkError('slow', `the work on a chunk took longer than ${Math.round(timeoutMs)} ms`);
      // Errors inside a task are returned as outcomes: here the thread ran out of memory or could not be started.
      throw new ChunkError('exhausted', `no worker thread completed the task: ${getErrorMessage(error)}`);
    } finally {
      stopListening?.();
      this.#running.delete(controller);
    }
  }
}
