import { backoffMs, type Clock, codeOf, type Logger, type Rng } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import { ChunkError, NodeError } from './errors.ts';
import type { Farm } from './farm.ts';
import type { ChunkPort, NodePort, RefusalReason } from './ports.ts';
import type { Session } from './session.ts';
import type { WorkQueue } from './work-queue.ts';

interface ChunkMakerParts {
  readonly chunks: Pick<ChunkPort, 'create' | 'remove'>;
  readonly node: Pick<NodePort, 'release'>;
  readonly session: Session;
  readonly farm: Farm;
  readonly chunkWork: WorkQueue;
  /** Chunks that come from the node: they wait for the network, and hold no worker up. */
  readonly downloads: WorkQueue;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

const PAUSE = { baseMs: 1_000, capMs: 60_000 };

/**
 * Makes the chunk of every contract that has none. What can never become sound is refused and given back to the node;
 * what failed for want of disk or network is tried again, with growing pauses, for as long as the node keeps the contract.
 */
export class ChunkMaker {
  readonly #parts: ChunkMakerParts;
  /** Chunks that are being made, or will be tried again: a new challenge meanwhile begins nothing anew. */
  readonly #taken = new Set<ContractId>();

  constructor(parts: ChunkMakerParts) {
    this.#parts = parts;
  }

  take(contract: Contract<'generating'>, signal: AbortSignal): void {
    if (this.#taken.has(contract.terms.id)) return;
    this.#taken.add(contract.terms.id);
    this.#queue(contract, signal, 1);
  }

  #queue(contract: Contract, signal: AbortSignal, attempt: number): void {
    const { chunkWork, downloads } = this.#parts;
    const queue = contract.terms.source.kind === 'url' ? downloads : chunkWork;
    const { id } = contract.terms;
    queue.add(dueAt(contract), async () => {
      if (!(await this.#make(id, signal, attempt))) this.#taken.delete(id);
    });
  }

  /** @returns whether it will be tried again */
  async #make(id: ContractId, signal: AbortSignal, attempt: number): Promise<boolean> {
    const { chunks, farm, log } = this.#parts;
    const contract = farm.get(id);
    if (contract?.phase !== 'generating' || signal.aborted) return false;
    try {
      await chunks.create(id, contract.terms.source, { signal });
    } catch (error) {
      if (signal.aborted) return false;
      const refusal = refusalOf(error);
      if (refusal !== undefined) {
        await this.#giveBack(id, refusal, signal);
        return false;
      }
      log.error('chunk not made', { contract: id, attempt, error });
      farm.apply(id, { type: 'chunk_lost' });
      this.#retryLater(id, signal, attempt);
      return true;
    }
    if (farm.get(id) === undefined) await this.#removeUnwanted(id);
    // Before the event: what follows from it may be that the chunk is lost again.
    this.#taken.delete(id);
    farm.apply(id, { type: 'chunk_stored' });
    return false;
  }

  /** The contract ended while its chunk was made. */
  async #removeUnwanted(id: ContractId): Promise<void> {
    const { chunks, log } = this.#parts;
    try {
      await chunks.remove(id);
    } catch (error) {
      log.error('chunk not deleted', { contract: id, error });
    }
  }

  async #giveBack(id: ContractId, reason: RefusalReason, signal: AbortSignal): Promise<void> {
    const { farm, node, session, log } = this.#parts;
    await farm.refuse(id, reason);
    if (session.token === undefined) return;
    try {
      await node.release(session.token, id, { signal });
    } catch (error) {
      if (!(error instanceof NodeError)) return;
      log.warn('contract not given back to the node', { contract: id, error });
    }
  }

  #retryLater(id: ContractId, signal: AbortSignal, attempt: number): void {
    const { clock, rng, farm } = this.#parts;
    void clock.sleep(backoffMs(PAUSE, attempt, rng), signal).then(
      () => {
        const contract = farm.get(id);
        if (contract?.phase === 'generating') this.#queue(contract, signal, attempt + 1);
        else this.#taken.delete(id);
      },
      () => {},
    );
  }
}

/** Why a contract can never become sound; undefined where trying again may help. */
function refusalOf(error: unknown): RefusalReason | undefined {
  if (!(error instanceof ChunkError)) return undefined;
  const code = codeOf(error);
  return code === 'hash_mismatch' || code === 'download_refused' ? code : undefined;
}
