import type { Instant } from '@downstream/platform';
import { type ChunkTerms, type Contract, type ContractId, dueAt, isTimedByNode } from '../contract/contract.ts';
import { DeadlineQueue } from '../contract/deadline-queue.ts';
import type { ChunkError } from './errors.ts';
import type { NodeComponents } from './node-components.ts';
import type { ProofOutcome } from './ports.ts';

type ProverDeps = Pick<
  NodeComponents,
  'chunks' | 'contracts' | 'requester' | 'chunkWork' | 'throughput' | 'outcomes' | 'clock' | 'log'
>;

/** After resource exhaustion, a read is retried after a tenth of the remaining time, within these bounds. */
const EXHAUSTED_PAUSE = { minMs: 50, maxMs: 1_000 };
/** One job of a worker: handing it over costs as much as some small proofs. */
const MAX_BATCH = { proofs: 64, cost: 2 * 1024 * 1024 };

interface WaitingProof {
  readonly id: ContractId;
  readonly challenge: string;
  readonly queuedAt: Instant;
}

/**
 * Reads chunks to answer open challenges, earliest deadline first, several small proofs in one job. A chunk that is
 * unreadable or corrupt never leads to an answer: it is rebuilt. After resource exhaustion the read is retried a little
 * later. A proof that can't finish in time is not started, and the sweep counts the challenge as missed.
 */
export class Prover {
  readonly #deps: ProverDeps;
  readonly #waiting = new DeadlineQueue<WaitingProof>();

  constructor(deps: ProverDeps) {
    this.#deps = deps;
  }

  /** Adds a job per proof, so that the work queue shows how many wait. A job may prove the chunks of later ones. */
  enqueue(contract: Contract<'proving'>): void {
    const { chunkWork, clock } = this.#deps;
    const { terms, challenge } = contract;
    this.#waiting.push({ dueAt: dueAt(contract), value: { id: terms.id, challenge, queuedAt: clock.now() } });
    chunkWork.add(dueAt(contract), async () => await this.#proveNext());
  }

  async #proveNext(): Promise<void> {
    const { chunks, contracts, throughput, clock } = this.#deps;
    const startedAt = clock.now();
    const batch = this.#takeBatch(startedAt);
    const [first] = batch;
    if (first === undefined) return;
    for (const { terms, challenge } of batch) contracts.apply(terms.id, { type: 'reading', challenge });
    const requests = batch.map(({ terms, challenge }) => ({ chunk: terms, challenge }));
    const outcomes = chunks.prove(requests, { timeoutMs: dueAt(first) - startedAt });
    let proved = 0;
    const handle = async (outcome: Promise<ProofOutcome>, at: number) => {
      if (this.#handleOutcome(batch[at], await outcome, startedAt)) proved += 1;
    };
    await Promise.all(outcomes.map(handle));
    if (proved > 0) throughput.recordProof((clock.now() - startedAt) / batch.length);
  }

  /** Takes the proofs with the next deadlines, as many as make a job. Skips those that are out of date or too late. */
  #takeBatch(now: Instant): Contract<'proving'>[] {
    const { throughput, outcomes } = this.#deps;
    const batch: Contract<'proving'>[] = [];
    let cost = 0;
    for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
      const contract = this.#getCurrent(next.value.id, next.value.challenge);
      const nextCost = contract === undefined ? 0 : estimateCost(contract.terms);
      const isFull = batch.length === MAX_BATCH.proofs || cost + nextCost > MAX_BATCH.cost;
      if (batch.length > 0 && isFull) break;
      this.#waiting.pop();
      outcomes.proofStarted(now - next.value.queuedAt);
      if (contract === undefined) continue;
      const slackMs = dueAt(contract) - now;
      // The average may be wrong for this chunk, so with a tenth of the round left it is tried anyway.
      if (slackMs <= Math.min((throughput.proofMs ?? 0) / 2, contract.terms.intervalMs / 10)) continue;
      batch.push(contract);
      cost += nextCost;
    }
    return batch;
  }

  /** @returns whether the chunk was proved */
  #handleOutcome(contract: Contract<'proving'> | undefined, outcome: ProofOutcome, startedAt: Instant): boolean {
    if (contract === undefined) return false;
    const { terms, challenge } = contract;
    if ('error' in outcome) {
      this.#handleFailure(terms.id, { challenge, startedAt, error: outcome.error });
      return false;
    }
    if (outcome.isEmpty) this.#deps.outcomes.emptyChallenge();
    this.#deps.contracts.apply(terms.id, { type: 'proved', challenge, response: outcome.response });
    return true;
  }

  #handleFailure(
    id: ContractId,
    { challenge, startedAt, error }: { challenge: string; startedAt: Instant; error: ChunkError },
  ): void {
    const { contracts, requester, log } = this.#deps;
    const contract = contracts.get(id);
    const { code } = error;
    if (contract === undefined || code === 'interrupted') return;
    if (code === 'exhausted') {
      log.warn('chunk read deferred: resource limit reached', { contract: id, error });
      void this.#retryLater(id, challenge);
      return;
    }
    if (code === 'invalid_challenge' || code === 'no_tag') {
      log.warn('challenge not provable', { contract: id, error });
      contracts.apply(id, { type: 'unprovable', challenge, cause: code });
      // The node may have sent the challenge of another contract.
      if (code === 'invalid_challenge' && isTimedByNode(contract.terms)) requester.askNow(id);
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

/** Relative cost of a proof, in bytes that are read and hashed. */
function estimateCost({ proof, sizeBytes }: ChunkTerms): number {
  switch (proof) {
    case 'digest':
      return sizeBytes;
    case 'Merkle':
      return sizeBytes / 50;
    case 'Swizzle':
      return sizeBytes * 30;
  }
}
