import { computeBackoffMs, getErrorCode } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import { ChunkError } from './errors.ts';
import type { NodeComponents } from './node-components.ts';
import type { NodeContract, RejectionReason } from './ports.ts';

type ChunkBuilderDeps = Pick<
  NodeComponents,
  'chunks' | 'contracts' | 'remover' | 'releaser' | 'chunkWork' | 'downloads' | 'clock' | 'random' | 'log'
>;

interface Attempt {
  readonly number: number;
  /** How many attempts in a row created a chunk with the wrong content. */
  readonly rejections: number;
}

const RETRY = { baseMs: 1_000, capMs: 60_000 };
/** Minimum retries per round, so that a chunk can be rebuilt in time once its disk works again. */
const MIN_RETRIES_PER_ROUND = 10;
/** The pause grows with the number of pending chunks by this much each, which limits retries to about 50 per second. */
const RETRY_SPACING_MS = 40;
/** A download is rejected after this many wrong downloads in a row: a proxy may temporarily return something else. */
const MAX_REJECTED_DOWNLOADS = 3;

/**
 * Creates the chunk of every contract that has none. A contract whose chunk can never match its hash is rejected and
 * released. After a disk or network failure, or if an intact chunk existed before, creation is retried with growing
 * pauses for as long as the node keeps the contract.
 */
export class ChunkBuilder {
  readonly #deps: ChunkBuilderDeps;
  /** Contracts whose chunk is being created or waits for a retry. A new challenge does not enqueue them again. */
  readonly #pending = new Set<ContractId>();

  constructor(deps: ChunkBuilderDeps) {
    this.#deps = deps;
  }

  enqueue(contract: Contract<'generating'>, signal: AbortSignal): void {
    if (this.#pending.has(contract.terms.id)) return;
    this.#pending.add(contract.terms.id);
    this.#enqueueAttempt(contract, signal, { number: 1, rejections: 0 });
  }

  #enqueueAttempt(contract: Contract, signal: AbortSignal, attempt: Attempt): void {
    const { contracts, chunkWork, downloads } = this.#deps;
    const queue = contract.terms.source.kind === 'url' ? downloads : chunkWork;
    const { id } = contract.terms;
    const queuedFor = dueAt(contract);
    const build = async () => {
      const current = contracts.get(id);
      // The deadline passed while the job waited: enqueue it with the new deadline, behind those that can still be met.
      if (current?.phase === 'generating' && dueAt(current) > queuedFor) this.#enqueueAttempt(current, signal, attempt);
      else if (!(await this.#build(id, signal, attempt))) this.#pending.delete(id);
    };
    queue.add(queuedFor, build, 'normal');
  }

  /** @returns whether another attempt is scheduled */
  async #build(id: ContractId, signal: AbortSignal, attempt: Attempt): Promise<boolean> {
    const { chunks, contracts, remover } = this.#deps;
    const contract = contracts.get(id);
    if (contract?.phase !== 'generating' || signal.aborted) return false;
    try {
      await chunks.create(contract.terms, { signal });
    } catch (error) {
      return !signal.aborted && this.#handleFailure(contract, signal, { attempt, error });
    }
    // The contract ended while its chunk was created. By now another node may have issued the same chunk.
    if (contracts.get(id) === undefined) await remover.deleteChunk(id);
    // Before the event, which may report the chunk as lost again.
    this.#pending.delete(id);
    contracts.apply(id, { type: 'chunk_stored' });
    return false;
  }

  /** @returns whether another attempt is scheduled */
  #handleFailure(
    contract: Contract<'generating'>,
    signal: AbortSignal,
    { attempt, error }: { attempt: Attempt; error: unknown },
  ): boolean {
    const { contracts, log } = this.#deps;
    const { id } = contract.terms;
    const reason = toRejectionReason(error);
    const rejections = reason === undefined ? 0 : attempt.rejections + 1;
    if (reason !== undefined && rejections >= getMaxRejections(contract)) {
      // Not awaited: a slow node must not occupy a place in the queue.
      void this.#reject(contract.terms, reason, signal);
      return false;
    }
    // The chunk was found in the meantime, on a disk that works again.
    if (contracts.get(id)?.phase !== 'generating') return false;
    // Logged at attempts 1, 2, 4, 8, ...
    if (Number.isInteger(Math.log2(attempt.number))) {
      log.error('chunk creation failed', { contract: id, attempt: attempt.number, error });
    }
    contracts.apply(id, { type: 'chunk_lost' });
    this.#retryLater(id, signal, { number: attempt.number + 1, rejections });
    return true;
  }

  async #reject(contract: NodeContract, reason: RejectionReason, signal: AbortSignal): Promise<void> {
    const { remover, releaser } = this.#deps;
    await remover.reject(contract.id, reason);
    await releaser.release(contract, 'rejected', signal);
  }

  #retryLater(id: ContractId, signal: AbortSignal, attempt: Attempt): void {
    const { clock, random, contracts } = this.#deps;
    const roundMs = contracts.get(id)?.terms.intervalMs ?? 0;
    const retryMs = Math.min(RETRY.capMs, Math.max(RETRY.baseMs, roundMs / MIN_RETRIES_PER_ROUND));
    const capMs = Math.max(retryMs, this.#pending.size * RETRY_SPACING_MS);
    void clock.sleep(computeBackoffMs({ ...RETRY, capMs }, attempt.number - 1, random), signal).then(
      () => {
        const contract = contracts.get(id);
        if (contract?.phase === 'generating') this.#enqueueAttempt(contract, signal, attempt);
        else this.#pending.delete(id);
      },
      () => {},
    );
  }
}

/** After how many consecutive wrong chunks a contract is rejected: never if it once had an intact one. */
function getMaxRejections({ hadChunk, terms }: Contract<'generating'>): number {
  if (hadChunk) return Number.POSITIVE_INFINITY;
  return terms.source.kind === 'url' ? MAX_REJECTED_DOWNLOADS : 1;
}

/** @returns undefined if the attempt failed without creating a wrong chunk */
function toRejectionReason(error: unknown): RejectionReason | undefined {
  if (!(error instanceof ChunkError)) return undefined;
  const code = getErrorCode(error);
  return code === 'hash_mismatch' || code === 'download_rejected' ? code : undefined;
}
