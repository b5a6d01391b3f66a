import { type Clock, computeBackoffMs, type Instant, type Logger, type Random } from '@downstream/platform';
import type { Contract, ContractId } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';
import { NodeError } from './errors.ts';
import type { ExitStorePort, Listing, NodePort } from './ports.ts';
import { RepeatedReports } from './repeated-reports.ts';
import type { Session } from './session.ts';

interface RefresherDeps {
  readonly node: Pick<NodePort, 'listContracts' | 'release'>;
  readonly session: Session;
  readonly contracts: ContractTable;
  /** Says whether a contract may be on its way to us. */
  readonly onboarder: { readonly isAsking: boolean };
  /** Since when this farmer has been at it without a break. */
  readonly runningSince: () => Instant;
  readonly leaving: Pick<ExitStorePort, 'leaving'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const MIN_MS = 1_000;
const MAX_MS = 60_000;
const IDLE_POLL_MS = 10_000;
/** What would cost contracts is not believed sooner than this, or than the shortest interval. */
const CONFIRM_MS = 60_000;

/**
 * Asks the node what it has on our account: new challenges are handed on, contracts that it ended are dropped, ones
 * that we know nothing of are given back. Ten times an interval unless configured, so that a challenge is known
 * with nine tenths of its time left.
 */
export class Refresher {
  readonly #pollIntervalMs: number | undefined;
  readonly #deps: RefresherDeps;
  #reachable: boolean | undefined;
  /** Since when a listing is awaited; undefined while none is. */
  #askingSince: Instant | undefined;
  /** Contracts of ours that the last listing left out. */
  readonly #missing = new RepeatedReports<ContractId>();
  /** Contracts on our account that this farmer knows nothing of. */
  readonly #strangers = new RepeatedReports<ContractId>();
  #givesBack = false;
  #failures = 0;
  #retryAfterMs = 0;
  #listedAt: Instant | undefined;
  /** What that listing had open. */
  #openBefore: ReadonlyMap<ContractId, string> = new Map();

  constructor({ pollIntervalMs }: { pollIntervalMs?: number | undefined }, parts: RefresherDeps) {
    this.#pollIntervalMs = pollIntervalMs;
    this.#deps = parts;
  }

  /**
   * Whether the node answered when it was last asked, and doesn't keep us waiting; undefined before it was asked. Half an
   * interval without a listing is long: the round is lost if it goes on.
   */
  get reachable(): boolean | undefined {
    const { clock, contracts } = this.#deps;
    const waitedMs = this.#askingSince === undefined ? 0 : clock.now() - this.#askingSince;
    return this.#reachable && waitedMs < (contracts.shortestIntervalMs ?? MAX_MS) / 2;
  }

  /** Whether the node may have ended a contract: it said so the last time, and is not believed yet. */
  mayHaveEnded(id: ContractId): boolean {
    return this.#missing.has(id) || this.#deps.session.isTokenDenied;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // What is left behind is not looked at any more.
      if (this.#deps.leaving.leaving() !== 'left') await this.refresh(signal);
      await this.#rest(signal);
    }
  }

  /** In short steps: a contract taken meanwhile may have a shorter interval than any before. */
  async #rest(signal: AbortSignal): Promise<void> {
    const failingMs = this.#failures > 0 ? this.#failingPause() : undefined;
    for (let restedMs = 0; ; ) {
      const pauseMs = failingMs === undefined ? this.#usualPause() : Math.min(failingMs, this.#longestPause());
      const stepMs = Math.min(MIN_MS, pauseMs - restedMs);
      if (stepMs <= 0) return;
      await this.#deps.clock.sleep(stepMs, signal);
      restedMs += stepMs;
    }
  }

  /** Asks once. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { node, session, contracts, runningSince, clock, log } = this.#deps;
    if (session.token === undefined) return;
    const askedAt = clock.now();
    // What is taken while the listing is under way may be missing from it.
    const ours = contracts.ids();
    this.#askingSince = askedAt;
    try {
      const listing = await node.listContracts(session.token, { signal, timeoutMs: this.#longestMs() });
      const nodeReachable = this.reachable ?? true;
      this.#askingSince = undefined;
      this.#reachable = true;
      session.resetDenials();
      this.#failures = 0;
      for (const { id, challenge } of listing.open) {
        contracts.apply(id, {
          type: 'challenged',
          challenge,
          askedAt,
          notListedAt: this.#openBefore.get(id) === challenge ? undefined : this.#listedAt,
          nodeReachable,
          runningSince: runningSince(),
        });
      }
      const doubtful = ours.filter((id) => !this.#hasPassedSince(this.#listedAt, contracts.get(id)));
      this.#listedAt = askedAt;
      this.#openBefore = new Map(listing.open.map(({ id, challenge }) => [id, challenge]));
      this.#reconcile(listing, doubtful, signal);
    } catch (error) {
      this.#askingSince = undefined;
      if (!(error instanceof NodeError)) throw error;
      this.#failures += 1;
      this.#retryAfterMs = error.retryAfterMs ?? 0;
      this.#listedAt = undefined;
      this.#missing.forget();
      if (error.code === 'no_token') {
        this.#reachable = true;
        return await this.#denied(signal);
      }
      session.resetDenials();
      this.#reachable = false;
      log.warn('no listing from the node', { error, failures: this.#failures });
    }
  }

  /** A contract whose answer the node took since the last listing has not ended, whatever this one says. */
  #hasPassedSince(listedAt: Instant | undefined, contract: Contract | undefined): boolean {
    if (listedAt === undefined || contract?.last !== 'passed') return false;
    return (contract.settledAt ?? 0) > listedAt;
  }

  /** What not both know of. No listing waits for what follows from it: a disk or a node may be slow. */
  #reconcile({ held }: Listing, ours: readonly ContractId[], signal: AbortSignal): void {
    const { contracts, onboarder, clock } = this.#deps;
    const now = clock.now();
    const missing = ours.filter((id) => !held.has(id) && contracts.get(id) !== undefined);
    for (const id of this.#missing.heard(missing, { now, minMs: this.#confirmMs() })) {
      void contracts.end(id, 'ended_by_node');
    }
    // The node may have given one that is on its way to us.
    if (onboarder.isAsking) return;
    const strangers = [...held].filter((id) => !contracts.has(id));
    void this.#giveBack(this.#strangers.heard(strangers, { now, minMs: 0 }), signal);
  }

  /** A contract that the node gave and this farmer lost before it was written down can't be proved. One after the other. */
  async #giveBack(ids: readonly ContractId[], signal: AbortSignal): Promise<void> {
    const { contracts, onboarder } = this.#deps;
    if (this.#givesBack) return;
    this.#givesBack = true;
    try {
      for (const id of ids) {
        // Much may have happened since the listing.
        const isStranger = this.#strangers.has(id) && !contracts.has(id) && !onboarder.isAsking;
        if (isStranger && !signal.aborted) await this.#release(id, signal);
      }
    } finally {
      this.#givesBack = false;
    }
  }

  async #release(id: ContractId, signal: AbortSignal): Promise<void> {
    const { node, session, log } = this.#deps;
    if (session.token === undefined) return;
    try {
      await node.release(session.token, id, { signal });
      log.warn('gave back a contract that this farmer knows nothing of', { contract: id });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof NodeError)) throw error;
      log.warn('a contract that this farmer knows nothing of was not given back', { contract: id, error });
    }
  }

  async #denied(signal: AbortSignal): Promise<void> {
    const { session, contracts, log } = this.#deps;
    const believed = session.denied(this.#confirmMs());
    log.warn('the node denies our token', { believed });
    if (!believed) return;
    this.#reachable = false;
    await Promise.all(contracts.ids().map(async (id) => await contracts.end(id, 'token_lost')));
    await session.renew(signal);
    this.#failures = 0;
  }

  /** For how long the node must say that contracts have ended; nothing is at stake where there are none. */
  #confirmMs(): number {
    return Math.min(CONFIRM_MS, this.#deps.contracts.shortestIntervalMs ?? 0);
  }

  /** The longest that a listing may take, or a pause may last: two more fit into the shortest round. */
  #longestMs(): number {
    return Math.max(MIN_MS, (this.#deps.contracts.shortestIntervalMs ?? MAX_MS) / 3);
  }

  #usualPause(): number {
    const intervalMs = this.#deps.contracts.shortestIntervalMs ?? 10 * IDLE_POLL_MS;
    return this.#pollIntervalMs ?? Math.min(MAX_MS, Math.max(MIN_MS, intervalMs / 10));
  }

  /** While the node fails, pauses grow as it wants them to, but never so long that a whole round could go by unseen. */
  #failingPause(): number {
    const baseMs = this.#usualPause();
    const capMs = this.#longestPause();
    const pauseMs = computeBackoffMs({ baseMs, capMs }, this.#failures, this.#deps.random);
    return Math.min(capMs, Math.max(pauseMs, this.#retryAfterMs));
  }

  #longestPause(): number {
    return Math.max(this.#usualPause(), this.#longestMs());
  }
}
