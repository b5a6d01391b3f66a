import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Task, TaskResults } from './thread-tasks.ts';

/** One can encode chunks while the other verifies proofs. */
const MAX_THREADS = 2;
const IDLE_MS = 30_000;

/** Threads for the computations of heartbeats. A thread starts when it has work. */
export class HeartbeatThreads {
  readonly #pool: Piscina<Task, TaskResults[Task['kind']]>;

  constructor() {
    // The file beside this one: TypeScript if run from source, JavaScript if built.
    const filename = fileURLToPath(new URL(`./thread${extname(import.meta.url)}`, import.meta.url));
    this.#pool = new Piscina({ filename, minThreads: 0, maxThreads: MAX_THREADS, idleTimeout: IDLE_MS });
    // Emitted if a thread cannot be started, dies while idle, or ends a task while it is being terminated. Those who
    // wait for a result are rejected, and the next task starts another thread.
    this.#pool.on('error', () => {});
  }

  async run<Kind extends Task['kind']>(task: Task & { kind: Kind }): Promise<TaskResults[Kind]> {
    // The result of a task has the type of its kind, which the compiler cannot follow through the pool.
    return (await this.#pool.run(task)) as TaskResults[Kind];
  }

  /** Terminates all threads. Rejects what they are working on. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
