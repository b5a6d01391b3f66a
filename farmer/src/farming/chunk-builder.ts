import { type Clock, computeBackoffMs, getErrorCode, type Logger, type Random } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';
import { ChunkError, NodeError } from './errors.ts';
import type { ChunkPort, NodePort, RejectionReason } from './ports.ts';
import type { Session } from './session.ts';
import type { WorkQueue } from './work-queue.ts';

interface ChunkBuilderDeps {
  readonly chunks: Pick<ChunkPort, 'create' | 'remove'>;
  readonly node: Pick<NodePort, 'release'>;
  readonly session: Session;
  readonly contracts: ContractTable;
  readonly chunkWork: WorkQueue;
  /** Chunks that come from the node: they wait for the network, and hold no worker up. */
  readonly downloads: WorkQueue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How often a chunk was tried to be made, and how often in a row what came out was not to be kept. */
interface Attempt {
  readonly number: number;
  readonly refusals: number;
}

const PAUSE = { baseMs: 1_000, capMs: 60_000 };
/** So often at least it is tried in a round: it is lost if the disk is well again and nobody looks. */
const MIN_RETRIES_PER_ROUND = 10;
/** Where very many are tried in vain, so long a pause for each of them: once pauses have grown that makes fifty tries a second in all. */
const RETRY_SPACING_MS = 40;
/** So often in a row must a download be another chunk: a proxy that is not well says something else than the node. */
const MAX_REJECTED_DOWNLOADS = 3;

/**
 * Makes the chunk of every contract that has none. What can never become sound is refused and given back to the node; what
 * failed for want of disk or network, and what was sound once, is tried again, with growing pauses, for as long as the node
 * keeps the contract. Chunks that are whole are proved first.
 */
export class ChunkBuilder {
  readonly #deps: ChunkBuilderDeps;
  /** Chunks that are being made, or will be tried again: a new challenge meanwhile begins nothing anew. */
  readonly #taken = new Set<ContractId>();

  constructor(parts: ChunkBuilderDeps) {
    this.#deps = parts;
  }

  take(contract: Contract<'generating'>, signal: AbortSignal): void {
    if (this.#taken.has(contract.terms.id)) return;
    this.#taken.add(contract.terms.id);
    this.#queue(contract, signal, { number: 1, refusals: 0 });
  }

  #queue(contract: Contract, signal: AbortSignal, attempt: Attempt): void {
    const { contracts, chunkWork, downloads } = this.#deps;
    const queue = contract.terms.source.kind === 'url' ? downloads : chunkWork;
    const { id } = contract.terms;
    const queuedFor = dueAt(contract);
    const make = async () => {
      const now = contracts.get(id);
      // Rounds went by while it waited: those that can still be met come first.
      if (now?.phase === 'generating' && dueAt(now) > queuedFor) this.#queue(now, signal, attempt);
      else if (!(await this.#make(id, signal, attempt))) this.#taken.delete(id);
    };
    queue.add(queuedFor, make, 'normal');
  }

  /** @returns whether it will be tried again */
  async #make(id: ContractId, signal: AbortSignal, attempt: Attempt): Promise<boolean> {
    const { chunks, contracts, log } = this.#deps;
    const contract = contracts.get(id);
    if (contract?.phase !== 'generating' || signal.aborted) return false;
    try {
      await chunks.create(id, contract.terms.source, { signal });
    } catch (error) {
      if (signal.aborted) return false;
      const reason = toRejectionReason(error);
      const refusals = reason === undefined ? 0 : attempt.refusals + 1;
      if (reason !== undefined && refusals >= maxRejections(contract)) {
        // The node may take its time, and this place is wanted.
        void this.#giveBack(id, reason, signal);
        return false;
      }
      // It came back meanwhile, with the disk that it was on.
      if (contracts.get(id)?.phase !== 'generating') return false;
      // What goes on failing is told less and less often: at the 1st, 2nd, 4th, 8th attempt …
      if (Number.isInteger(Math.log2(attempt.number))) {
        log.error('chunk not made', { contract: id, attempt: attempt.number, error });
      }
      contracts.apply(id, { type: 'chunk_lost' });
      this.#retryLater(id, signal, { number: attempt.number + 1, refusals });
      return true;
    }
    if (contracts.get(id) === undefined) await this.#removeUnwanted(id);
    // Before the event: what follows from it may be that the chunk is lost again.
    this.#taken.delete(id);
    contracts.apply(id, { type: 'chunk_stored' });
    return false;
  }

  /** The contract ended while its chunk was made. */
  async #removeUnwanted(id: ContractId): Promise<void> {
    const { chunks, log } = this.#deps;
    try {
      await chunks.remove(id);
    } catch (error) {
      log.error('chunk not deleted', { contract: id, error });
    }
  }

  async #giveBack(id: ContractId, reason: RejectionReason, signal: AbortSignal): Promise<void> {
    const { contracts, node, session, log } = this.#deps;
    await contracts.refuse(id, reason);
    if (session.token === undefined) return;
    try {
      await node.release(session.token, id, { signal });
    } catch (error) {
      if (!(error instanceof NodeError)) return;
      log.warn('contract not given back to the node', { contract: id, error });
    }
  }

  #retryLater(id: ContractId, signal: AbortSignal, attempt: Attempt): void {
    const { clock, random, contracts } = this.#deps;
    const roundMs = contracts.get(id)?.terms.intervalMs ?? 0;
    const wantedMs = Math.min(PAUSE.capMs, Math.max(PAUSE.baseMs, roundMs / MIN_RETRIES_PER_ROUND));
    const capMs = Math.max(wantedMs, this.#taken.size * RETRY_SPACING_MS);
    void clock.sleep(computeBackoffMs({ ...PAUSE, capMs }, attempt.number - 1, random), signal).then(
      () => {
        const contract = contracts.get(id);
        if (contract?.phase === 'generating') this.#queue(contract, signal, attempt);
        else this.#taken.delete(id);
      },
      () => {},
    );
  }
}

/** After how many refusals in a row its chunk will never be sound; one that was sound once is never given up for it. */
function maxRejections({ again, terms }: Contract<'generating'>): number {
  if (again) return Number.POSITIVE_INFINITY;
  return terms.source.kind === 'url' ? MAX_REJECTED_DOWNLOADS : 1;
}

/** Why what came out is not to be kept; undefined where nothing did. */
function toRejectionReason(error: unknown): RejectionReason | undefined {
  if (!(error instanceof ChunkError)) return undefined;
  const code = getErrorCode(error);
  return code === 'hash_mismatch' || code === 'download_rejected' ? code : undefined;
}
