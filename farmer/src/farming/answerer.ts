import { computeBackoffMs } from '@downstream/platform';
import { type Contract, type ContractId, dueAt } from '../contract/contract.ts';
import { NodeError } from './errors.ts';
import type { NodeComponents } from './node-components.ts';

type AnswererDeps = Pick<
  NodeComponents,
  'node' | 'circuit' | 'lostTime' | 'session' | 'contracts' | 'answers' | 'nodeThroughput' | 'clock' | 'random' | 'log'
>;

/** The two stages of a shutdown. */
export interface StopSignals {
  /** No new work is started. Proofs and answers in flight are finished. */
  readonly stopping: AbortSignal;
  /** Requests in flight are aborted. */
  readonly aborting: AbortSignal;
}

const RETRY = { baseMs: 500, capMs: 15_000 };
/** The timeout leaves time for this many attempts before the deadline. */
const MIN_ATTEMPTS = 3;
/** On a stale connection a request times out and is sent once more, with the full timeout: also before the deadline. */
const MAX_SENDS_PER_ATTEMPT = 2;
const MIN_TIMEOUT_MS = 1_000;
/** An answer is not sent with less slack than this, or than twice the usual response time of the node. */
const MIN_SLACK_MS = 250;

/**
 * Sends answers until the node acknowledges them or the round is over. The node repeats its first verdict if the same
 * answer arrives twice, so a lost response only costs a repetition.
 */
export class Answerer {
  readonly #deps: AnswererDeps;

  constructor(deps: AnswererDeps) {
    this.#deps = deps;
  }

  enqueue(contract: Contract<'answering'>, signals: StopSignals, attempt = 1): void {
    const { terms, challenge } = contract;
    this.#deps.answers.add(dueAt(contract), async () => await this.#send(terms.id, challenge, signals, attempt));
  }

  async #send(id: ContractId, challenge: string, signals: StopSignals, attempt: number): Promise<void> {
    const { node, circuit, lostTime, session, contracts, nodeThroughput, clock, log } = this.#deps;
    const contract = this.#getCurrent(id, challenge);
    if (contract === undefined || session.token === undefined) return;
    const sentAt = clock.now();
    const slackMs = dueAt(contract) - sentAt;
    // After the deadline the node would count the answer as a wrong answer to the next challenge.
    const minSlackMs = Math.max(MIN_SLACK_MS, 2 * nodeThroughput.answerMs);
    if (slackMs <= Math.min(contract.terms.intervalMs / 20, minSlackMs)) return;
    // The challenge may be over without our noticing.
    if (!lostTime.isConfirmed(contract)) return this.#retryLater(contract, signals, attempt);
    if (circuit.retryAfterMs !== undefined) return this.#retryLater(contract, signals, attempt, circuit.retryAfterMs);
    contracts.apply(id, { type: 'sent', challenge });
    try {
      const timeoutMs = Math.min(slackMs / MAX_SENDS_PER_ATTEMPT, Math.max(MIN_TIMEOUT_MS, slackMs / MIN_ATTEMPTS));
      const answer = { id, reference: contract.terms.reference, response: contract.response };
      const [verdict] = await node.answer(session.token, [answer], { signal: signals.aborting, timeoutMs });
      const passed = verdict === 'passed';
      nodeThroughput.recordAnswer(clock.now() - sentAt);
      if (passed) session.resetTokenRejections();
      contracts.apply(id, { type: 'verdict', challenge, passed });
    } catch (error) {
      if (signals.aborting.aborted) return;
      if (!(error instanceof NodeError)) throw error;
      log.warn('answer not acknowledged', { contract: id, attempt, error });
      this.#retryLater(contract, signals, attempt + 1, error.retryAfterMs);
    }
  }

  /** Respects `retryAfterMs`, but always leaves time for another attempt before the deadline. */
  #retryLater(contract: Contract<'answering'>, signals: StopSignals, attempt: number, retryAfterMs = 0): void {
    const { clock, random } = this.#deps;
    const { terms, challenge } = contract;
    const slackMs = dueAt(contract) - clock.now();
    const pauseMs = Math.min(Math.max(computeBackoffMs(RETRY, attempt, random), retryAfterMs), slackMs / 2);
    void clock.sleep(pauseMs, signals.stopping).then(
      () => {
        const current = this.#getCurrent(terms.id, challenge);
        if (current !== undefined) this.enqueue(current, signals, attempt);
      },
      () => {},
    );
  }

  #getCurrent(id: ContractId, challenge: string): Contract<'answering'> | undefined {
    const contract = this.#deps.contracts.get(id);
    return contract?.phase === 'answering' && contract.challenge === challenge ? contract : undefined;
  }
}
