import { computeBackoffMs, forEachInSlices, type Instant } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import { NodeError } from './errors.ts';
import type { NodeComponents } from './node-components.ts';
import { type NodeProblem, NodeProblemRecorder } from './node-problem.ts';
import { type Listing, SKIP_REASONS } from './ports.ts';
import { RepeatedReports } from './repeated-reports.ts';

type RefresherDeps = Pick<
  NodeComponents,
  | 'node'
  | 'session'
  | 'contracts'
  | 'capacity'
  | 'remover'
  | 'releaser'
  | 'monitor'
  | 'lostTime'
  | 'requester'
  | 'exitStore'
  | 'outcomes'
  | 'clock'
  | 'random'
  | 'log'
>;

const MIN_MS = 1_000;
const MAX_MS = 60_000;
const POLLS_PER_INTERVAL = 10;
/** A node that is asked for each contract is asked more often, for those whose time has come. */
const REQUESTS_PER_INTERVAL = 20;
/** The poll interval without contracts. */
const IDLE_POLL_MS = 10_000;
/** Limits how many releases a node can cause by listing unknown contracts. */
const RELEASE_PAUSE_MS = 200;
/** Reports that would cost contracts must be repeated for the shortest interval, but at most this long. */
const MAX_CONFIRM_MS = 60_000;

/**
 * Polls the node's listing of this farmer's contracts. Passes on new challenges, ends contracts that the node no longer
 * lists, and releases unknown contracts. By default polls ten times per interval, so that a new challenge is known with
 * nine tenths of its time left.
 */
export class Refresher {
  readonly #pollIntervalMs: number | undefined;
  readonly #deps: RefresherDeps;
  #responded: boolean | undefined;
  /** When the pending listing was requested. */
  #pendingSince: Instant | undefined;
  /** Contracts in the table that the last listing did not contain. */
  readonly #missing = new RepeatedReports<ContractId>();
  /** Contracts in the last listing that are not in the table. */
  readonly #unknown = new RepeatedReports<ContractId>();
  /** Entries without a valid hash in a listing that contained all contracts: they stand for none of them. */
  #foreignEntries = 0;
  #isSkipping = false;
  #isReleasing = false;
  readonly #problem = new NodeProblemRecorder();
  #failures = 0;
  #retryAfterMs = 0;
  /** Whether there were as many contracts to ask for as fit into a request, so that more may be waiting. */
  #isBehind = false;
  /** Whether the last listing was discarded. */
  #isDiscarded = false;
  /** When the last successful listing was requested, and its open challenges. */
  #listedAt: Instant | undefined;
  #listedChallenges: ReadonlyMap<ContractId, string> = new Map();

  constructor({ pollIntervalMs }: { pollIntervalMs?: number | undefined }, deps: RefresherDeps) {
    this.#pollIntervalMs = pollIntervalMs;
    this.#deps = deps;
  }

  /**
   * Whether the node responded to the last request and is not late with the pending one; undefined before the first. A
   * listing is late after half an interval: if it takes longer, the round is lost.
   */
  get isReachable(): boolean | undefined {
    return this.#responded && !this.#isLate;
  }

  /** Why the node returns no listing; undefined if it does, or rejects the token. */
  get problem(): NodeProblem | undefined {
    if (this.#problem.current !== undefined) return this.#problem.current;
    return this.#isLate ? { code: 'timeout', since: this.#pendingSince ?? 0, failures: 0 } : undefined;
  }

  get #isLate(): boolean {
    const { clock, contracts } = this.#deps;
    const waitedMs = this.#pendingSince === undefined ? 0 : clock.now() - this.#pendingSince;
    return waitedMs >= (contracts.shortestIntervalMs ?? MAX_MS) / 2;
  }

  /** Whether the node must show first how the contract's round has ended. */
  isOutcomePending(id: ContractId): boolean {
    const { session, requester } = this.#deps;
    const mayHaveEnded = this.#missing.has(id) || requester.mayHaveEnded(id) || session.isTokenRejected;
    return mayHaveEnded || requester.mayHavePassed(id);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#deps.exitStore.exitState() !== 'exited') await this.refresh(signal);
      if (this.#failures > 0 || !this.#isBehind) await this.#rest(signal);
    }
  }

  /** Sleeps in short steps: a contract accepted in the meantime may have a shorter interval than all others. */
  async #rest(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    const backoff = { baseMs: this.#usualPauseMs, capMs: this.#maxPauseMs };
    const failurePauseMs = Math.max(computeBackoffMs(backoff, this.#failures, random), this.#retryAfterMs);
    for (let restedMs = 0; ; ) {
      const pauseMs = this.#failures === 0 ? this.#usualPauseMs : Math.min(failurePauseMs, this.#maxPauseMs);
      const stepMs = Math.min(MIN_MS, pauseMs - restedMs);
      if (stepMs <= 0) return;
      await clock.sleep(stepMs, signal);
      restedMs += stepMs;
      if (this.#failures === 0 && (this.#isDiscarded || this.#deps.lostTime.needsListing)) return;
    }
  }

  /** Requests one listing and applies it. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { node, session } = this.#deps;
    if (session.token === undefined) return;
    if (node.traits.listsAll) await this.#listAll(session.token, signal);
    else await this.#listAsked(session.token, signal);
  }

  /** Asks for the contracts whose next challenge can be known; without one, for the state of the token at times. */
  async #listAsked(token: string, signal: AbortSignal): Promise<void> {
    const { node, session, requester, monitor, clock } = this.#deps;
    const askedAt = clock.now();
    const asked = requester.take(node.traits.maxBatch);
    this.#isBehind = asked.length === node.traits.maxBatch;
    const isIdle = this.#listedAt !== undefined && askedAt - this.#listedAt < this.#checkPauseMs;
    if (asked.length === 0 && isIdle && !session.isTokenRejected) return;
    this.#pendingSince = askedAt;
    try {
      const listing = await node.listContracts(token, { signal, timeoutMs: this.#maxListingMs, asked });
      const nodeReachable = this.isReachable ?? true;
      this.#recordSuccess(listing);
      this.#listedAt = askedAt;
      const context = { nodeReachable, runningSince: monitor.runningSince, confirmMs: this.#confirmMs };
      await requester.apply(listing, { asked, askedAt, ...context });
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      requester.putBack(asked);
      await this.#handleFailure(error, askedAt, signal);
    } finally {
      this.#pendingSince = undefined;
    }
  }

  async #listAll(token: string, signal: AbortSignal): Promise<void> {
    const { node, contracts, capacity, lostTime, clock } = this.#deps;
    const askedAt = clock.now();
    // Contracts accepted while the listing is in flight may be missing from it.
    const idsBefore = contracts.ids();
    this.#pendingSince = askedAt;
    try {
      const listing = await node.listContracts(token, {
        signal,
        timeoutMs: this.#maxListingMs,
        isKnown: (id) => contracts.has(id),
        maxContracts: Math.max(capacity.countContracts(contracts), contracts.size),
      });
      // If time was lost while it was in flight, the listing may be old. A clock that keeps jumping stops no listings.
      this.#isDiscarded = !this.#isDiscarded && lostTime.isOutdated(askedAt);
      if (!this.#isDiscarded) await this.#applyListing(listing, { askedAt, idsBefore }, signal);
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      await this.#handleFailure(error, askedAt, signal);
    } finally {
      this.#pendingSince = undefined;
    }
  }

  /** A listing may contain tens of thousands of contracts, so other work runs in between. */
  async #applyListing(
    listing: Listing,
    { askedAt, idsBefore }: { askedAt: Instant; idsBefore: readonly ContractId[] },
    signal: AbortSignal,
  ): Promise<void> {
    const { contracts, monitor, lostTime } = this.#deps;
    const nodeReachable = this.isReachable ?? true;
    this.#recordSuccess(listing);
    // The last listing may be older than this clock shows, so it no longer limits when challenges were issued.
    if ((await lostTime.recordListing(listing, askedAt)) > 0) this.#listedAt = undefined;
    await forEachInSlices(listing.open, ([id, challenge]) => {
      lostTime.recordChallenge(id, challenge);
      contracts.apply(id, {
        type: 'challenged',
        challenge,
        askedAt,
        lastAbsentAt: this.#listedChallenges.get(id) === challenge ? undefined : this.#listedAt,
        nodeReachable,
        runningSince: monitor.runningSince,
      });
    });
    // A contract whose answer passed since the last listing has not ended, even if this listing does not contain it.
    const passedAfter = this.#listedAt ?? Number.POSITIVE_INFINITY;
    this.#listedAt = askedAt;
    this.#listedChallenges = listing.open;
    const missing: ContractId[] = [];
    await forEachInSlices(idsBefore, (id) => {
      const contract = listing.held.has(id) ? undefined : contracts.get(id);
      if (contract === undefined) return;
      const hasPassed = contract.last === 'passed' && (contract.settledAt ?? 0) > passedAfter;
      if (!hasPassed) missing.push(id);
    });
    await this.#endMissing(missing, listing);
    await this.#releaseUnknown(listing, signal);
  }

  #recordSuccess(listing: Listing): void {
    this.#responded = true;
    this.#deps.session.resetTokenRejections();
    this.#failures = 0;
    this.#reportRecovery();
    this.#reportSkipped(listing);
  }

  #reportSkipped({ skipped }: Listing): void {
    const { outcomes, log } = this.#deps;
    for (const reason of SKIP_REASONS) if (skipped[reason] > 0) outcomes.entriesSkipped(reason, skipped[reason]);
    const isSkipping = SKIP_REASONS.some((reason) => skipped[reason] > 0);
    if (isSkipping && !this.#isSkipping) log.warn('listing entries skipped', { ...skipped });
    this.#isSkipping = isSkipping;
  }

  /** A single failure is not worth a second line. */
  #reportRecovery(): void {
    const { clock, log } = this.#deps;
    const ended = this.#problem.recordSuccess();
    if (ended === undefined || ended.failures === 1) return;
    const { code, failures, since } = ended;
    log.info('node recovered', { code, failures, seconds: Math.round((clock.now() - since) / 1_000) });
  }

  async #handleFailure(error: NodeError, askedAt: Instant, signal: AbortSignal): Promise<void> {
    const { session, log } = this.#deps;
    this.#failures += 1;
    this.#retryAfterMs = error.retryAfterMs ?? 0;
    this.#listedAt = undefined;
    this.#missing.reset();
    if (error.code === 'no_token') {
      this.#reportRecovery();
      await this.#handleTokenRejected(signal);
      return;
    }
    session.resetTokenRejections();
    this.#responded = false;
    this.#problem.recordFailure(error, askedAt);
    // The circuit breaker reports when it opens.
    if (error.code !== 'circuit_open') log.warn('listing failed', { error, failures: this.#failures });
  }

  /** Removals are not awaited: a slow disk must not delay the next listing. */
  async #endMissing(missing: readonly ContractId[], { skipped }: Listing): Promise<void> {
    const { remover, clock } = this.#deps;
    const unreadable = skipped.invalid_contract;
    this.#foreignEntries = missing.length === 0 ? unreadable : Math.min(this.#foreignEntries, unreadable);
    // One of the other entries without a valid hash may stand for a missing contract.
    if (unreadable > this.#foreignEntries) {
      this.#missing.reset();
      return;
    }
    const ended = this.#missing.record(missing, { now: clock.now(), minMs: this.#confirmMs });
    await forEachInSlices(ended, (id) => void remover.end(id, 'ended_by_node'));
  }

  /** Releases are not awaited: a slow node must not delay the next listing. */
  async #releaseUnknown({ held }: Listing, signal: AbortSignal): Promise<void> {
    const { contracts, clock } = this.#deps;
    // The listing may contain a contract whose offer has not arrived yet.
    if (contracts.isRequesting) return;
    const unknown: ContractId[] = [];
    await forEachInSlices(held, (id) => {
      if (!contracts.has(id)) unknown.push(id);
    });
    void this.#release(this.#unknown.record(unknown, { now: clock.now(), minMs: 0 }), signal);
  }

  /** Releases contracts that were lost before they could be stored: they can't be proved. */
  async #release(ids: readonly ContractId[], signal: AbortSignal): Promise<void> {
    const { contracts, releaser, clock, log } = this.#deps;
    if (this.#isReleasing) return;
    this.#isReleasing = true;
    try {
      for (const id of ids) {
        // A newer listing or a new contract may have changed this since.
        const isStillUnknown = this.#unknown.has(id) && !contracts.has(id) && !contracts.isRequesting;
        if (!isStillUnknown || signal.aborted) continue;
        const { result } = await releaser.release({ id, reference: id }, 'unknown', signal);
        if (result === 'released') log.warn('unknown contract released', { contract: id });
        await clock.sleep(RELEASE_PAUSE_MS);
      }
    } finally {
      this.#isReleasing = false;
    }
  }

  async #handleTokenRejected(signal: AbortSignal): Promise<void> {
    const { session, contracts, remover, log } = this.#deps;
    this.#responded = true;
    const confirmed = session.recordTokenRejected(this.#confirmMs);
    log.warn('token rejected by node', { confirmed });
    if (!confirmed) return;
    this.#responded = false;
    const removals: Promise<void>[] = [];
    await forEachInSlices(contracts.ids(), (id) => removals.push(remover.end(id, 'token_lost')));
    await Promise.all(removals);
    await session.register(signal);
    this.#failures = 0;
  }

  /** How long the node must report that contracts are over; 0 without contracts. */
  get #confirmMs(): number {
    return Math.min(MAX_CONFIRM_MS, this.#deps.contracts.shortestIntervalMs ?? 0);
  }

  /** The timeout of a listing: three fit into the shortest interval. */
  get #maxListingMs(): number {
    return Math.max(MIN_MS, (this.#deps.contracts.shortestIntervalMs ?? MAX_MS) / 3);
  }

  get #usualPauseMs(): number {
    const { contracts, node } = this.#deps;
    const intervalMs = contracts.shortestIntervalMs ?? 10 * IDLE_POLL_MS;
    const pollsPerInterval = node.traits.listsAll ? POLLS_PER_INTERVAL : REQUESTS_PER_INTERVAL;
    return this.#pollIntervalMs ?? Math.min(MAX_MS, Math.max(MIN_MS, intervalMs / pollsPerInterval));
  }

  /** How often a node that is asked for no contract is asked for the token. */
  get #checkPauseMs(): number {
    return this.#deps.contracts.size === 0 ? IDLE_POLL_MS : MAX_MS;
  }

  /** Even while the node fails, a pause is never so long that a whole round could pass without a listing. */
  get #maxPauseMs(): number {
    return Math.max(this.#usualPauseMs, this.#maxListingMs);
  }
}
