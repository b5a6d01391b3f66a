import type { Clock, Instant, Logger } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';
import { ChunkError } from './errors.ts';
import type { ChunkPort, OutcomePort } from './ports.ts';
import type { ThroughputEstimator } from './throughput-estimator.ts';
import type { WorkQueue } from './work-queue.ts';

interface ProverDeps {
  readonly chunks: Pick<ChunkPort, 'prove'>;
  readonly contracts: ContractTable;
  readonly chunkWork: WorkQueue;
  readonly pace: ThroughputEstimator;
  readonly outcomes: Pick<OutcomePort, 'proofWaited'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long it is waited for file handles, threads or memory, within these bounds: a tenth of the time that is left. */
const EXHAUSTED_PAUSE = { minMs: 50, maxMs: 1_000 };

/**
 * Answers open challenges from the chunks, earliest due first. A chunk that can't be read, or is not what it was, never
 * leads to an answer: it is made again. One that this process has no means to read is read a little later; one that can't be read in time is not even begun: the sweep counts it as missed.
 */
export class Prover {
  readonly #deps: ProverDeps;

  constructor(parts: ProverDeps) {
    this.#deps = parts;
  }

  take(contract: Contract<'proving'>): void {
    const { chunkWork, outcomes, clock } = this.#deps;
    const { terms, challenge } = contract;
    const askedAt = clock.now();
    chunkWork.add(dueAt(contract), async () => {
      outcomes.proofWaited(clock.now() - askedAt);
      await this.#prove(terms.id, challenge);
    });
  }

  async #prove(id: ContractId, challenge: string): Promise<void> {
    const { chunks, contracts, pace, clock } = this.#deps;
    const contract = this.#current(id, challenge);
    if (contract === undefined) return;
    const startedAt = clock.now();
    const leftMs = dueAt(contract) - startedAt;
    // The mean is of all chunks, and may be wrong for this one: with a tenth of a round left it is tried all the same.
    if (leftMs <= Math.min((pace.proofMs ?? 0) / 2, contract.terms.intervalMs / 10)) return;
    contracts.apply(id, { type: 'reading', challenge });
    try {
      const response = await chunks.prove(id, challenge, { timeoutMs: leftMs });
      pace.proved(clock.now() - startedAt);
      contracts.apply(id, { type: 'proved', challenge, response });
    } catch (error) {
      this.#failed(id, { challenge, startedAt, error });
    }
  }

  /** A slow disk may be faster the next time; if it is a bad one, its chunks are said to be lost. A chunk that was made meanwhile is another one. */
  #failed(
    id: ContractId,
    { challenge, startedAt, error }: { challenge: string; startedAt: Instant; error: unknown },
  ): void {
    const { contracts, log } = this.#deps;
    const held = contracts.get(id);
    if (held === undefined || (error instanceof ChunkError && error.code === 'interrupted')) return;
    if (error instanceof ChunkError && error.code === 'exhausted') {
      log.warn('chunk not read for want of file handles, threads or memory', { contract: id, error });
      void this.#enqueueLater(id, challenge);
      return;
    }
    const isRebuilt = (held.verifiedAt ?? 0) > startedAt;
    const isSlow = error instanceof ChunkError && error.code === 'slow';
    if (isSlow) log.warn('chunk not read in time', { contract: id, error });
    if (isSlow || isRebuilt) {
      this.#enqueueAgain(id, challenge);
      return;
    }
    log.error('chunk unreadable, making it again', { contract: id, error });
    contracts.apply(id, { type: 'chunk_lost' });
  }

  async #enqueueLater(id: ContractId, challenge: string): Promise<void> {
    const { clock } = this.#deps;
    const contract = this.#current(id, challenge);
    if (contract === undefined) return;
    const leftMs = dueAt(contract) - clock.now();
    await clock.sleep(Math.max(EXHAUSTED_PAUSE.minMs, Math.min(EXHAUSTED_PAUSE.maxMs, leftMs / 10)));
    this.#enqueueAgain(id, challenge);
  }

  #enqueueAgain(id: ContractId, challenge: string): void {
    const contract = this.#current(id, challenge);
    if (contract !== undefined) this.take(contract);
  }

  #current(id: ContractId, challenge: string): Contract<'proving'> | undefined {
    const contract = this.#deps.contracts.get(id);
    return contract?.phase === 'proving' && contract.challenge === challenge ? contract : undefined;
  }
}
