import { backoffMs, type Clock, type Logger, type Rng } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import { NodeError } from './errors.ts';
import type { Farm } from './farm.ts';
import type { NodePort } from './ports.ts';
import type { Session } from './session.ts';
import type { WorkQueue } from './work-queue.ts';

interface AnswererParts {
  readonly node: Pick<NodePort, 'answer'>;
  readonly session: Session;
  readonly farm: Farm;
  readonly answers: WorkQueue;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

interface Signals {
  readonly stopping: AbortSignal;
  readonly cut: AbortSignal;
}

const PAUSE = { baseMs: 500, capMs: 15_000 };

/**
 * Delivers answers until the node acknowledges them or the round is over. The same answer sent twice gets the
 * first verdict again, so a reply that was lost costs nothing but a repetition.
 */
export class Answerer {
  readonly #parts: AnswererParts;

  constructor(parts: AnswererParts) {
    this.#parts = parts;
  }

  /**
   * @param signals after `stopping` nothing is repeated, but an answer under way is finished; after `cut` not even that
   */
  take(contract: Contract & { phase: 'answering' }, signals: Signals, attempt = 1): void {
    const { terms, challenge } = contract;
    this.#parts.answers.add(dueAt(contract), async () => await this.#deliver(terms.id, challenge, signals, attempt));
  }

  async #deliver(id: ContractId, challenge: string, signals: Signals, attempt: number): Promise<void> {
    const { node, session, farm, clock, log } = this.#parts;
    const contract = this.#current(id, challenge);
    if (contract === undefined || session.token === undefined) return;
    // After the deadline the node would take it for a wrong answer to the next challenge.
    if (clock.now() >= dueAt(contract)) return;
    farm.apply(id, { type: 'sent', challenge });
    try {
      const passed = await node.answer(session.token, { id, response: contract.response }, { signal: signals.cut });
      farm.apply(id, { type: 'verdict', challenge, passed });
    } catch (error) {
      if (signals.cut.aborted) return;
      if (!(error instanceof NodeError)) throw error;
      log.warn('answer not acknowledged', { contract: id, attempt, error });
      this.#retryLater(id, challenge, signals, attempt);
    }
  }

  #retryLater(id: ContractId, challenge: string, signals: Signals, attempt: number): void {
    const { clock, rng } = this.#parts;
    void clock.sleep(backoffMs(PAUSE, attempt, rng), signals.stopping).then(
      () => {
        const contract = this.#current(id, challenge);
        if (contract !== undefined) this.take(contract, signals, attempt + 1);
      },
      () => {},
    );
  }

  #current(id: ContractId, challenge: string): (Contract & { phase: 'answering' }) | undefined {
    const contract = this.#parts.farm.get(id);
    return contract?.phase === 'answering' && contract.challenge === challenge ? contract : undefined;
  }
}
