import type { Clock, Logger } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import { ChunkError } from './errors.ts';
import type { Farm } from './farm.ts';
import type { ChunkPort, OutcomePort } from './ports.ts';
import type { WorkQueue } from './work-queue.ts';

interface ProverParts {
  readonly chunks: Pick<ChunkPort, 'prove'>;
  readonly farm: Farm;
  readonly chunkWork: WorkQueue;
  readonly outcomes: Pick<OutcomePort, 'proofWaited'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Answers open challenges from the chunks, earliest due first. A chunk that can't be read, or is not what it was, never
 * leads to an answer: it is made again.
 */
export class Prover {
  readonly #parts: ProverParts;

  constructor(parts: ProverParts) {
    this.#parts = parts;
  }

  take(contract: Contract & { phase: 'proving' }): void {
    const { chunkWork, outcomes, clock } = this.#parts;
    const { terms, challenge } = contract;
    const askedAt = clock.now();
    chunkWork.add(dueAt(contract), async () => {
      outcomes.proofWaited(clock.now() - askedAt);
      await this.#prove(terms.id, challenge);
    });
  }

  async #prove(id: ContractId, challenge: string): Promise<void> {
    const { chunks, farm, log } = this.#parts;
    const contract = farm.get(id);
    if (contract?.phase !== 'proving' || contract.challenge !== challenge) return;
    try {
      farm.apply(id, { type: 'proved', challenge, response: await chunks.prove(id, challenge) });
    } catch (error) {
      if (farm.get(id) === undefined || (error instanceof ChunkError && error.code === 'interrupted')) return;
      log.error('chunk unreadable, making it again', { contract: id, error });
      farm.apply(id, { type: 'chunk_lost' });
    }
  }
}
