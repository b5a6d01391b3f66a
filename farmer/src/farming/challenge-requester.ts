import { type Clock, forEachInSlices, type Instant } from '@downstream/platform';
import {
  type Contract,
  type ContractId,
  dueAt as getDueAt,
  getOpenChallenge,
  isVerdictPending,
  type RoundContext,
} from '../contract/contract.ts';
import { DeadlineQueue } from '../contract/deadline-queue.ts';
import type { ContractRemover } from './contract-remover.ts';
import type { ContractTable } from './contract-table.ts';
import type { Listing, NodeContract } from './ports.ts';
import { RepeatedReports } from './repeated-reports.ts';

interface ChallengeRequesterDeps {
  readonly contracts: ContractTable;
  readonly remover: ContractRemover;
  readonly clock: Pick<Clock, 'now'>;
}

/** What a listing was requested for, and when. */
export interface RequestedListing extends RoundContext {
  readonly asked: readonly NodeContract[];
  readonly askedAt: Instant;
  /** How long the node must report that a contract is over. */
  readonly confirmMs: number;
}

/** A node's clock may be this much behind, because of rounding. */
const MARGIN_MS = 250;
/** A contract is not asked for more often than this. */
const MIN_PAUSE_MS = 1_000;
/**
 * How often the farmer asks for a contract in doubt within the time that confirms its end: a contract that may have
 * ended, since its challenge may be open, or one whose challenge cannot belong to it, since the node may correct it.
 */
const REQUESTS_UNTIL_CONFIRMED = 8;

/**
 * Decides when the node is asked for each contract's next challenge, if it does not list them by itself: when the
 * deadline of the answered one has passed. One request asks for many contracts.
 */
export class ChallengeRequester {
  readonly #deps: ChallengeRequesterDeps;
  #queue = new DeadlineQueue<ContractId>();
  /** When each contract in the queue is asked for. Earlier entries of the same contract are outdated. */
  readonly #askAt = new Map<ContractId, Instant>();
  /** Contracts that the node says are over. */
  readonly #missing = new RepeatedReports<ContractId>();

  constructor(deps: ChallengeRequesterDeps) {
    this.#deps = deps;
  }

  /** Whether the node reported that a contract is over, and this is not confirmed yet. */
  mayHaveEnded(id: ContractId): boolean {
    return this.#missing.has(id);
  }

  /** Whether a round is over, but the node can still show whether its answer has passed: by the next challenge. */
  mayHavePassed(id: ContractId): boolean {
    const contract = this.#deps.contracts.get(id);
    if (contract === undefined || !isVerdictPending(contract)) return false;
    return this.#deps.clock.now() < getDueAt(contract) + contract.terms.intervalMs;
  }

  /** Plans the next request for a contract whose challenge is not known. */
  enqueue(contract: Contract): void {
    if (getOpenChallenge(contract) !== undefined) return;
    this.#add(contract.terms.id, contract.isLapsed ? this.#deps.clock.now() : contract.round.issuedAt + MARGIN_MS);
  }

  /** Asks for a contract as soon as possible, even if its challenge is known. */
  askNow(id: ContractId): void {
    this.#add(id, this.#deps.clock.now());
  }

  /** Asks for a contract after its deadline, unless the verdict on its answer arrives before. */
  askAfterDeadline(contract: Contract): void {
    this.#add(contract.terms.id, getDueAt(contract) + MARGIN_MS);
  }

  /** Takes up to `max` contracts that can be asked for now. */
  take(max: number): NodeContract[] {
    const now = this.#deps.clock.now();
    const taken: NodeContract[] = [];
    for (let next = this.#peek(); next !== undefined && next.dueAt <= now && taken.length < max; next = this.#peek()) {
      this.#queue.pop();
      this.#askAt.delete(next.value);
      const contract = this.#deps.contracts.get(next.value);
      if (contract !== undefined) taken.push(contract.terms);
    }
    return taken;
  }

  /** Applies what the node says about the contracts that it was asked for, and plans their next requests. */
  async apply(listing: Listing, { asked, askedAt, confirmMs, ...context }: RequestedListing): Promise<void> {
    const { contracts, remover, clock } = this.#deps;
    const missing: ContractId[] = [];
    await forEachInSlices(asked, ({ id }) => {
      const isCompleted = listing.completed?.has(id) === true;
      if (isCompleted && this.#hasHadAllChallenges(id)) return void remover.end(id, 'completed');
      if (!listing.held.has(id)) {
        missing.push(id);
        // The node ended it because a challenge was missed, which this process may not have counted yet.
        if (listing.expired?.has(id) && !this.#missing.has(id)) contracts.apply(id, { type: 'tick', ...context });
        return;
      }
      const challenge = listing.open.get(id);
      const dueInMs = listing.dueInMs?.get(id);
      if (dueInMs === undefined) return;
      const dueAt = askedAt + dueInMs;
      if (challenge === undefined) contracts.apply(id, { type: 'answered', dueAt, askedAt, ...context });
      else contracts.apply(id, { type: 'challenged', challenge, dueAt, askedAt, ...context });
    });
    const now = clock.now();
    const ended = this.#missing.recordAbout(
      asked.map(({ id }) => id),
      missing,
      { now, minMs: confirmMs },
    );
    for (const id of ended) void remover.end(id, listing.completed?.has(id) ? 'completed' : 'ended_by_node');
    this.#planAgain(asked, Math.max(MIN_PAUSE_MS, confirmMs / REQUESTS_UNTIL_CONFIRMED));
  }

  /** After a failed request, asks for the same contracts again. Reports before and after it are not consecutive. */
  putBack(asked: readonly NodeContract[]): void {
    this.#missing.reset();
    this.#planAgain(asked, MIN_PAUSE_MS);
  }

  #hasHadAllChallenges(id: ContractId): boolean {
    const { round, terms } = this.#deps.contracts.get(id) ?? {};
    return round !== undefined && round.number >= (terms?.challengeCount ?? Number.POSITIVE_INFINITY);
  }

  #planAgain(asked: readonly NodeContract[], doubtPauseMs: number): void {
    const { contracts, clock } = this.#deps;
    const now = clock.now();
    for (const { id } of asked) {
      const contract = contracts.get(id);
      if (contract === undefined) continue;
      const isInDoubt = this.#missing.has(id) || contract.obstacle === 'invalid_challenge';
      if (isInDoubt) this.#add(id, now + doubtPauseMs);
      else if (isVerdictPending(contract)) this.#add(id, Math.max(now + MIN_PAUSE_MS, getDueAt(contract) + MARGIN_MS));
      else if (getOpenChallenge(contract) === undefined)
        this.#add(id, Math.max(now + MIN_PAUSE_MS, contract.round.issuedAt + MARGIN_MS));
    }
  }

  #add(id: ContractId, at: Instant): void {
    if (this.#askAt.get(id) === at) return;
    this.#askAt.set(id, at);
    this.#queue.push({ dueAt: at, value: id });
  }

  /** The next entry that is not outdated. */
  #peek() {
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      if (this.#askAt.get(next.value) === next.dueAt) return next;
      this.#queue.pop();
    }
    return undefined;
  }
}
