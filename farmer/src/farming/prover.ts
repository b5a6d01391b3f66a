import type { Instant } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import { ChunkError } from './errors.ts';
import type { NodeComponents } from './node-components.ts';

type ProverDeps = Pick<
  NodeComponents,
  'chunks' | 'contracts' | 'chunkWork' | 'throughput' | 'outcomes' | 'clock' | 'log'
>;

/** After resource exhaustion, a read is retried after a tenth of the remaining time, within these bounds. */
const EXHAUSTED_PAUSE = { minMs: 50, maxMs: 1_000 };

/**
 * Reads chunks to answer open challenges, earliest deadline first. A chunk that is unreadable or corrupt never leads to
 * an answer: it is rebuilt. After resource exhaustion the read is retried a little later. A proof that can't finish in
 * time is not started, and the sweep counts the challenge as missed.
 */
export class Prover {
  readonly #deps: ProverDeps;

  constructor(deps: ProverDeps) {
    this.#deps = deps;
  }

  enqueue(contract: Contract<'proving'>): void {
    const { chunkWork, outcomes, clock } = this.#deps;
    const { terms, challenge } = contract;
    const queuedAt = clock.now();
    chunkWork.add(dueAt(contract), async () => {
      outcomes.proofStarted(clock.now() - queuedAt);
      await this.#prove(terms.id, challenge);
    });
  }

  async #prove(id: ContractId, challenge: string): Promise<void> {
    const { chunks, contracts, throughput, clock } = this.#deps;
    const contract = this.#getCurrent(id, challenge);
    if (contract === undefined) return;
    const startedAt = clock.now();
    const slackMs = dueAt(contract) - startedAt;
    // The average may be wrong for this chunk, so with a tenth of the round left it is tried anyway.
    if (slackMs <= Math.min((throughput.proofMs ?? 0) / 2, contract.terms.intervalMs / 10)) return;
    contracts.apply(id, { type: 'reading', challenge });
    try {
      const [outcome] = await chunks.prove([{ chunk: contract.terms, challenge }], { timeoutMs: slackMs });
      if (outcome === undefined) return;
      if ('error' in outcome) throw outcome.error;
      throughput.recordProof(clock.now() - startedAt);
      contracts.apply(id, { type: 'proved', challenge, response: outcome.response });
    } catch (error) {
      this.#handleFailure(id, { challenge, startedAt, error });
    }
  }

  #handleFailure(
    id: ContractId,
    { challenge, startedAt, error }: { challenge: string; startedAt: Instant; error: unknown },
  ): void {
    const { contracts, log } = this.#deps;
    const contract = contracts.get(id);
    const code = error instanceof ChunkError ? error.code : undefined;
    if (contract === undefined || code === 'interrupted') return;
    if (code === 'exhausted') {
      log.warn('chunk read deferred: resource limit reached', { contract: id, error });
      void this.#retryLater(id, challenge);
      return;
    }
    if (code === 'slow') log.warn('chunk read timed out', { contract: id, error });
    const isRebuilt = (contract.verifiedAt ?? 0) > startedAt;
    // After a timeout the disk may be faster next time. A disk that stays slow reports its chunks as lost.
    if (code === 'slow' || isRebuilt) {
      this.#retry(id, challenge);
      return;
    }
    log.error('chunk unreadable, rebuilding', { contract: id, error });
    contracts.apply(id, { type: 'chunk_lost' });
  }

  async #retryLater(id: ContractId, challenge: string): Promise<void> {
    const { clock } = this.#deps;
    const contract = this.#getCurrent(id, challenge);
    if (contract === undefined) return;
    const slackMs = dueAt(contract) - clock.now();
    await clock.sleep(Math.max(EXHAUSTED_PAUSE.minMs, Math.min(EXHAUSTED_PAUSE.maxMs, slackMs / 10)));
    this.#retry(id, challenge);
  }

  #retry(id: ContractId, challenge: string): void {
    const contract = this.#getCurrent(id, challenge);
    if (contract !== undefined) this.enqueue(contract);
  }

  #getCurrent(id: ContractId, challenge: string): Contract<'proving'> | undefined {
    const contract = this.#deps.contracts.get(id);
    return contract?.phase === 'proving' && contract.challenge === challenge ? contract : undefined;
  }
}
