import { type Clock, computeBackoffMs, type Logger, type Random } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';
import { NodeError } from './errors.ts';
import type { CircuitPort, NodePort } from './ports.ts';
import type { Session } from './session.ts';
import type { NodeThroughput } from './throughput-estimator.ts';
import type { WorkQueue } from './work-queue.ts';

interface AnswererDeps {
  readonly node: Pick<NodePort, 'answer'>;
  readonly circuit: CircuitPort;
  readonly session: Session;
  readonly contracts: ContractTable;
  readonly answers: WorkQueue;
  readonly pace: NodeThroughput;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Signals {
  readonly stopping: AbortSignal;
  readonly cut: AbortSignal;
}

const PAUSE = { baseMs: 500, capMs: 15_000 };
/** A reply that hangs is given up early enough to send the answer twice more. */
const MIN_ATTEMPTS = 3;
const MIN_TIMEOUT_MS = 1_000;
/** Nothing is sent with less time left than this, or twice what the node usually takes. */
const MIN_MARGIN_MS = 250;

/**
 * Delivers answers until the node acknowledges them or the round is over. The same answer sent twice gets the
 * first verdict again, so a reply that was lost costs nothing but a repetition.
 */
export class Answerer {
  readonly #deps: AnswererDeps;

  constructor(parts: AnswererDeps) {
    this.#deps = parts;
  }

  /**
   * @param signals after `stopping` nothing is repeated, but an answer under way is finished; after `cut` not even that
   */
  take(contract: Contract<'answering'>, signals: Signals, attempt = 1): void {
    const { terms, challenge } = contract;
    this.#deps.answers.add(dueAt(contract), async () => await this.#deliver(terms.id, challenge, signals, attempt));
  }

  async #deliver(id: ContractId, challenge: string, signals: Signals, attempt: number): Promise<void> {
    const { node, circuit, session, contracts, pace, clock, log } = this.#deps;
    const contract = this.#current(id, challenge);
    if (contract === undefined || session.token === undefined) return;
    const sentAt = clock.now();
    const leftMs = dueAt(contract) - sentAt;
    // After the deadline the node would take it for a wrong answer to the next challenge; it must be there, not only sent.
    if (leftMs <= Math.min(contract.terms.intervalMs / 20, Math.max(MIN_MARGIN_MS, 2 * pace.answerMs))) return;
    if (circuit.retryAfterMs !== undefined) return this.#retryLater(contract, signals, attempt, circuit.retryAfterMs);
    contracts.apply(id, { type: 'sent', challenge });
    try {
      const timeoutMs = Math.min(leftMs, Math.max(MIN_TIMEOUT_MS, leftMs / MIN_ATTEMPTS));
      const answer = { id, response: contract.response };
      const passed = await node.answer(session.token, answer, { signal: signals.cut, timeoutMs });
      pace.answered(clock.now() - sentAt);
      if (passed) session.resetDenials();
      contracts.apply(id, { type: 'verdict', challenge, passed });
    } catch (error) {
      if (signals.cut.aborted) return;
      if (!(error instanceof NodeError)) throw error;
      log.warn('answer not acknowledged', { contract: id, attempt, error });
      this.#retryLater(contract, signals, attempt + 1, error.retryAfterMs);
    }
  }

  /** A node that wants to be left alone is, but never so long that the deadline goes by without another attempt. */
  #retryLater(contract: Contract<'answering'>, signals: Signals, attempt: number, retryAfterMs = 0): void {
    const { clock, random } = this.#deps;
    const { terms, challenge } = contract;
    const leftMs = dueAt(contract) - clock.now();
    const pauseMs = Math.min(Math.max(computeBackoffMs(PAUSE, attempt, random), retryAfterMs), leftMs / 2);
    void clock.sleep(pauseMs, signals.stopping).then(
      () => {
        const current = this.#current(terms.id, challenge);
        if (current !== undefined) this.take(current, signals, attempt);
      },
      () => {},
    );
  }

  #current(id: ContractId, challenge: string): Contract<'answering'> | undefined {
    const contract = this.#deps.contracts.get(id);
    return contract?.phase === 'answering' && contract.challenge === challenge ? contract : undefined;
  }
}
