import { rename, rm, stat } from 'node:fs/promises';
import { CodedError, formatBytes, getErrorCode } from '@downstream/platform';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { ChunkError } from '../farming/errors.ts';
import { toChunkError } from './chunk-errors.ts';
import { GENESIS_UNREADABLE } from './chunk-io.ts';
import { shareCalls } from './share-calls.ts';
import type { WorkerPool } from './worker-pool.ts';

/** The file that all chunks are generated from. */
export interface Genesis {
  readonly path: string;
  readonly sha256: string;
  readonly size: number;
}

interface GenesisDeps {
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly signal?: AbortSignal | undefined;
}

/** There is no intact genesis file. */
class GenesisError extends CodedError<'wrong_hash' | 'unreadable' | 'not_created'> {}

/**
 * Verifies the standard genesis file. Generates it if it is missing or damaged.
 *
 * @throws GenesisError `not_created`
 */
export async function ensureStandardGenesis(path: string, { pool, signal }: GenesisDeps): Promise<Genesis> {
  const { seed, sizeBytes: size, sha256 } = STANDARD_GENESIS;
  const genesis = { path, size, sha256 };
  try {
    if ((await hashGenesis(path, { pool, signal })) === sha256) return genesis;
    const partial = `${path}.partial`;
    await rm(partial, { force: true });
    const { value } = await pool.run({ kind: 'randomio', path: partial, seed, size }, { signal });
    if (value !== sha256)
      throw new GenesisError(
        'not_created',
        `the generated genesis file ${partial} has the wrong hash: check the memory and the disk of this machine`,
      );
    await rename(partial, path);
    return genesis;
  } catch (error) {
    if (error instanceof GenesisError) throw error;
    throw new GenesisError(
      'not_created',
      `the genesis file ${path} (${formatBytes(size)}) cannot be created: ${getCause(error)}`,
    );
  }
}

/**
 * Verifies a genesis file that the operator provides.
 *
 * @throws GenesisError `unreadable` or `wrong_hash`
 */
export async function openGenesis(path: string, sha256: string, deps: GenesisDeps): Promise<Genesis> {
  // Reading a pipe or a device may never end.
  const isOther = (await stat(path).catch(() => undefined))?.isFile() === false;
  const actual = isOther ? undefined : await hashGenesis(path, deps);
  if (actual === undefined) {
    const problem = isOther ? 'not a regular file' : 'unreadable';
    throw new GenesisError('unreadable', `the genesis file ${path} is ${problem}: check FARMER_GENESIS`);
  }
  if (actual !== sha256) {
    throw new GenesisError(
      'wrong_hash',
      `the genesis file ${path} has the SHA-256 ${actual}, expected ${sha256}: correct FARMER_GENESIS or FARMER_GENESIS_SHA256`,
    );
  }
  const { size } = await stat(path);
  if (size === 0) throw new GenesisError('unreadable', `the genesis file ${path} is empty`);
  return { path, sha256, size };
}

async function hashGenesis(path: string, { pool, signal }: GenesisDeps): Promise<string | undefined> {
  try {
    return (await pool.run({ kind: 'hash', path }, { signal })).value;
  } catch (error) {
    if (error instanceof ChunkError && error.code === 'unreadable') return undefined;
    throw error;
  }
}

function getCause(error: unknown): string {
  return error instanceof ChunkError
    ? String(error.details['cause'] ?? error.code)
    : (getErrorCode(error) ?? 'unknown');
}

interface GenesisRepairOptions {
  readonly genesis: Genesis;
  readonly timeoutMs: number;
}

interface GenesisRepairDeps {
  readonly pool: Pick<WorkerPool, 'run'>;
  readonly repairGenesis?: () => Promise<unknown>;
}

/** Detects a damaged genesis file, which makes every generated chunk wrong, and repairs it. */
export class GenesisRepair {
  readonly #options: GenesisRepairOptions;
  readonly #deps: GenesisRepairDeps;
  #repairs = 0;

  constructor(options: GenesisRepairOptions, deps: GenesisRepairDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** How many times the file was repaired. */
  get repairs(): number {
    return this.#repairs;
  }

  /**
   * Finds out whether the genesis file is why a chunk has the wrong hash. An unreadable file counts as damaged, so that
   * the disk of the chunk is not blamed.
   *
   * @param repairsBefore {@link repairs} when the chunk was started
   * @throws ChunkError `unreadable` if the genesis file is damaged, or was while the chunk was generated
   */
  async assertIntact(repairsBefore: number): Promise<void> {
    const { genesis, timeoutMs } = this.#options;
    if (this.#repairs === repairsBefore) {
      try {
        const { value } = await this.#deps.pool.run({ kind: 'hash', path: genesis.path }, { timeoutMs });
        if (value === genesis.sha256) return;
      } catch (error) {
        const { code } = toChunkError(error);
        if (code === 'interrupted' || code === 'exhausted') throw error;
      }
    }
    throw new ChunkError('unreadable', 'the genesis file is damaged', { cause: GENESIS_UNREADABLE });
  }

  /** Repairs the file; concurrent calls share one repair. A failure is ignored: the next call tries again. */
  readonly repair = shareCalls(async () => {
    try {
      await this.#deps.repairGenesis?.();
      this.#repairs += 1;
    } catch {}
  });
}
