import { computeBackoffMs, type Instant, yieldToEventLoop } from '@downstream/platform';
import { type Contract, type ContractId, dueAt, isTimedByNode } from '../contract/contract.ts';
import { DeadlineQueue } from '../contract/deadline-queue.ts';
import { NodeError } from './errors.ts';
import type { NodeComponents } from './node-components.ts';
import type { Verdict } from './ports.ts';

type AnswererDeps = Pick<
  NodeComponents,
  | 'node'
  | 'circuit'
  | 'lostTime'
  | 'requester'
  | 'session'
  | 'contracts'
  | 'answers'
  | 'nodeThroughput'
  | 'clock'
  | 'random'
  | 'log'
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
/** How long a request waits for more answers, if it can take several. */
const COLLECT_MS = 400;
/**
 * How long it then waits for the response to the previous request: the original v1 node counts too few passed
 * challenges if two requests with answers of one farmer overlap.
 */
const MAX_WAIT_MS = 2_000;
const VERDICTS_PER_TRANSACTION = 64;

interface WaitingAnswer {
  readonly id: ContractId;
  readonly challenge: string;
  readonly attempt: number;
}

interface AnswerAttempt extends WaitingAnswer {
  readonly contract: Contract<'answering'>;
}

interface ReceivedVerdict {
  readonly answer: AnswerAttempt;
  readonly verdict: Verdict;
}

/**
 * Sends answers until the node acknowledges them or the round is over, several in one request if the API allows that.
 * The node repeats its first verdict if the same answer arrives twice, so a lost response only costs a repetition.
 */
export class Answerer {
  readonly #deps: AnswererDeps;
  readonly #waiting = new DeadlineQueue<WaitingAnswer>();
  /** Whether a request waits for more answers. */
  #isCollecting = false;
  /** Resolves when the last request has been answered or has failed. */
  #lastRequest: Promise<void> = Promise.resolve();

  /** Not stored yet. */
  readonly #received: ReceivedVerdict[] = [];
  /** Resolves when all received verdicts are stored. */
  #storing: Promise<void> | undefined;

  constructor(deps: AnswererDeps) {
    this.#deps = deps;
  }

  /** Adds a job per answer, so that the work queue shows how many wait. A job may send the answers of later ones. */
  enqueue({ terms, round, challenge, timeline }: Contract<'answering'>, signals: StopSignals, attempt = 1): void {
    const due = round.issuedAt + terms.intervalMs;
    this.#waiting.push({ dueAt: due, value: { id: terms.id, challenge, attempt } });
    const send = () => this.#deps.answers.add(due, async () => await this.#sendNext(signals));
    // The node rejected an earlier answer to this challenge: it must not be asked to verify one after another.
    const pauseMs = attempt === 1 && timeline.attempts > 0 ? this.#getPauseMs(timeline.attempts, due) : 0;
    if (pauseMs === 0) send();
    else void this.#deps.clock.sleep(pauseMs, signals.stopping).then(send, () => {});
  }

  async #sendNext(signals: StopSignals): Promise<void> {
    const { node, circuit, session } = this.#deps;
    if (node.traits.maxBatch > 1) {
      // The request that is collecting takes this answer, too, or starts another one.
      if (this.#isCollecting) return;
      await this.#collect();
    }
    const { token } = session;
    const batch: AnswerAttempt[] = [];
    while (batch.length < node.traits.maxBatch) {
      const next = this.#waiting.pop();
      if (next === undefined) break;
      const contract = this.#getCurrent(next.value.id, next.value.challenge);
      if (contract === undefined || token === undefined || this.#isTooLate(contract)) continue;
      const { attempt } = next.value;
      // The challenge may be over without our noticing.
      if (!this.#isConfirmed(contract)) this.#retryLater(contract, signals, attempt);
      else if (circuit.retryAfterMs !== undefined) this.#retryLater(contract, signals, attempt, circuit.retryAfterMs);
      else batch.push({ ...next.value, contract });
    }
    if (token === undefined || batch.length === 0) return;
    this.#lastRequest = this.#send(token, batch, signals);
    const next = this.#waiting.peek();
    if (next !== undefined && node.traits.maxBatch > 1)
      this.#deps.answers.add(next.dueAt, async () => await this.#sendNext(signals));
    await this.#lastRequest;
  }

  /** Waits for more answers, and for the previous request. */
  async #collect(): Promise<void> {
    const { node, clock } = this.#deps;
    const slackMs = Math.max(0, (this.#waiting.peek()?.dueAt ?? 0) - clock.now());
    this.#isCollecting = true;
    if (this.#waiting.length < node.traits.maxBatch) await clock.sleep(Math.min(COLLECT_MS, slackMs / 10));
    await Promise.race([this.#lastRequest, clock.sleep(Math.min(MAX_WAIT_MS, slackMs / 10))]);
    this.#isCollecting = false;
  }

  async #send(token: string, batch: readonly AnswerAttempt[], signals: StopSignals): Promise<void> {
    const { node, session, contracts, nodeThroughput, clock, log } = this.#deps;
    const sentAt = clock.now();
    const slackMs = Math.min(...batch.map(({ contract }) => dueAt(contract))) - sentAt;
    const timeoutMs = Math.min(slackMs / MAX_SENDS_PER_ATTEMPT, Math.max(MIN_TIMEOUT_MS, slackMs / MIN_ATTEMPTS));
    for (const { id, challenge } of batch) contracts.apply(id, { type: 'sent', challenge });
    try {
      const answers = batch.map(({ contract: { terms, response } }) => ({
        id: terms.id,
        reference: terms.reference,
        response,
      }));
      const verdicts = await node.answer(token, answers, { signal: signals.aborting, timeoutMs });
      nodeThroughput.recordAnswer((clock.now() - sentAt) / batch.length);
      if (verdicts.includes('passed')) session.resetTokenRejections();
      const received = batch.flatMap((answer, at) => {
        const verdict = verdicts[at];
        return verdict === undefined ? [] : [{ answer, verdict }];
      });
      await this.#applyVerdicts(received, signals);
    } catch (error) {
      if (signals.aborting.aborted) return;
      if (!(error instanceof NodeError)) throw error;
      const [{ id, attempt } = {}] = batch;
      const count = batch.length > 1 && { count: batch.length };
      log.warn('answer not acknowledged', { contract: id, attempt, ...count, error });
      for (const each of batch) {
        this.#planListing(each, error);
        this.#retryLater(each.contract, signals, each.attempt + 1, error.retryAfterMs);
      }
    }
  }

  /** Stores the verdicts that arrive in the same turn of the event loop together: transactions take time. */
  async #applyVerdicts(received: readonly ReceivedVerdict[], signals: StopSignals): Promise<void> {
    this.#received.push(...received);
    this.#storing ??= this.#storeReceived(signals);
    await this.#storing;
  }

  async #storeReceived(signals: StopSignals): Promise<void> {
    try {
      while (this.#received.length > 0) {
        await yieldToEventLoop();
        const next = this.#received.splice(0, VERDICTS_PER_TRANSACTION);
        this.#deps.contracts.inBatch(() => {
          for (const each of next) this.#applyVerdict(each, signals);
        });
      }
    } finally {
      this.#storing = undefined;
    }
  }

  #applyVerdict({ answer, verdict }: ReceivedVerdict, signals: StopSignals): void {
    const { contracts, requester, log } = this.#deps;
    const { id, challenge, attempt, contract } = answer;
    switch (verdict) {
      case 'passed':
      case 'failed':
        contracts.apply(id, { type: 'verdict', challenge, passed: verdict === 'passed' });
        break;
      case 'rejected':
        log.warn('answer rejected, proving again', { contract: id, attempt });
        contracts.apply(id, { type: 'rejected', challenge });
        // The node may have sent another challenge than the one that it verifies.
        requester.askNow(id);
        break;
      case 'ended':
        requester.askNow(id);
        this.#retryLater(contract, signals, attempt + 1);
        break;
      case 'unknown':
        log.warn('answer not acknowledged', { contract: id, attempt });
        this.#planListing(answer);
        this.#retryLater(contract, signals, attempt + 1);
    }
  }

  /** A node that is asked for its contracts may have counted the answer, or may no longer know them. */
  #planListing({ id, contract }: AnswerAttempt, error?: NodeError): void {
    const { node, requester } = this.#deps;
    if (node.traits.listsAll) return;
    if (error?.code === 'no_token') requester.askNow(id);
    else requester.askAfterDeadline(contract);
  }

  /** After the deadline the node would count the answer as a wrong answer to the next challenge. */
  #isTooLate(contract: Contract<'answering'>): boolean {
    const { nodeThroughput, clock } = this.#deps;
    const minSlackMs = Math.max(MIN_SLACK_MS, 2 * nodeThroughput.answerMs);
    return dueAt(contract) - clock.now() <= Math.min(contract.terms.intervalMs / 20, minSlackMs);
  }

  /** A node that sets the deadlines distinguishes a late answer from a wrong one. */
  #isConfirmed(contract: Contract<'answering'>): boolean {
    return isTimedByNode(contract.terms) || this.#deps.lostTime.isConfirmed(contract);
  }

  /** Respects `retryAfterMs`, but always leaves time for another attempt before the deadline. */
  #retryLater(contract: Contract<'answering'>, signals: StopSignals, attempt: number, retryAfterMs = 0): void {
    const { clock } = this.#deps;
    const { terms, challenge } = contract;
    const pauseMs = this.#getPauseMs(attempt, dueAt(contract), retryAfterMs);
    void clock.sleep(pauseMs, signals.stopping).then(
      () => {
        const current = this.#getCurrent(terms.id, challenge);
        if (current !== undefined) this.enqueue(current, signals, attempt);
      },
      () => {},
    );
  }

  #getPauseMs(attempt: number, due: Instant, retryAfterMs = 0): number {
    const { clock, random } = this.#deps;
    return Math.min(Math.max(computeBackoffMs(RETRY, attempt, random), retryAfterMs), (due - clock.now()) / 2);
  }

  #getCurrent(id: ContractId, challenge: string): Contract<'answering'> | undefined {
    const contract = this.#deps.contracts.get(id);
    return contract?.phase === 'answering' && contract.challenge === challenge ? contract : undefined;
  }
}
