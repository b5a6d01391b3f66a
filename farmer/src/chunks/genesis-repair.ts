import { ChunkError } from '../farming/errors.ts';
import { toChunkError } from './chunk-errors.ts';
import { GENESIS_UNREADABLE } from './chunk-io.ts';
import type { Genesis } from './genesis.ts';
import type { WorkerPool } from './worker-pool.ts';

export interface GenesisRepairDeps {
  readonly pool: Pick<WorkerPool, 'run'>;
  /** Restores the genesis file if it is damaged. */
  readonly repair: () => Promise<unknown>;
}

/** Detects a damaged genesis file, which makes every generated chunk wrong, and repairs it. */
export class GenesisRepair {
  readonly #options: { readonly genesis: Genesis; readonly timeoutMs: number };
  readonly #deps: GenesisRepairDeps;
  #pending: Promise<void> | undefined;
  #repairs = 0;

  constructor(options: { readonly genesis: Genesis; readonly timeoutMs: number }, deps: GenesisRepairDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** How many times the file was repaired. */
  get repairs(): number {
    return this.#repairs;
  }

  /**
   * Finds out whether the genesis file is why a chunk has the wrong hash.
   *
   * @param repairsBefore {@link repairs} when the chunk was started
   * @throws ChunkError `unreadable` if the genesis file is damaged, or was while the chunk was generated
   */
  async assertIntact(repairsBefore: number): Promise<void> {
    if (this.#repairs === repairsBefore && (await this.#isIntact())) return;
    throw new ChunkError('unreadable', 'the genesis file is damaged', { cause: GENESIS_UNREADABLE });
  }

  /** Repairs the file; concurrent calls share one repair. A failure is ignored: the next call tries again. */
  async repair(): Promise<void> {
    this.#pending ??= this.#repair().finally(() => {
      this.#pending = undefined;
    });
    await this.#pending;
  }

  async #repair(): Promise<void> {
    try {
      await this.#deps.repair();
      this.#repairs += 1;
    } catch {}
  }

  /** An unreadable file counts as damaged, so that the disk of the chunk is not blamed. */
  async #isIntact(): Promise<boolean> {
    const { genesis, timeoutMs } = this.#options;
    try {
      const { value } = await this.#deps.pool.run({ kind: 'hash', path: genesis.path }, { timeoutMs });
      return value === genesis.sha256;
    } catch (error) {
      const { code } = toChunkError(error);
      if (code === 'interrupted' || code === 'exhausted') throw error;
      return false;
    }
  }
}
