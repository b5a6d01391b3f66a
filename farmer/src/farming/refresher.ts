import { backoffMs, type Clock, type Instant, type Logger, type Rng } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import { NodeError } from './errors.ts';
import type { Farm } from './farm.ts';
import type { LeavingStorePort, Listing, NodePort } from './ports.ts';
import type { Session } from './session.ts';

interface RefresherParts {
  readonly node: Pick<NodePort, 'listContracts' | 'release'>;
  readonly session: Session;
  readonly farm: Farm;
  /** Says whether a contract may be on its way to us. */
  readonly onboarder: { readonly isAsking: boolean };
  /** Since when this farmer has been at it without a break. */
  readonly awakeSince: () => Instant;
  readonly leaving: Pick<LeavingStorePort, 'leaving'>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

const LEAST_MS = 1_000;
const MOST_MS = 60_000;
const NO_CONTRACT_MS = 10_000;
/** So often in a row must a node deny our token before it is believed: contracts end with it. */
const DENIALS_BELIEVED = 3;
/** So many listings in a row must name a contract that we don't hold, with none on its way to us. */
const STRANGER_AFTER = 3;

/**
 * Asks the node what it has on our account: new challenges are handed on, contracts that it ended are dropped, ones
 * that we know nothing of are given back. Ten times an interval unless configured, so that a challenge is known
 * with nine tenths of its time left.
 */
export class Refresher {
  readonly #pollIntervalMs: number | undefined;
  readonly #parts: RefresherParts;
  #reachable: boolean | undefined;
  /** Since when a listing is awaited; undefined while none is. */
  #askingSince: Instant | undefined;
  #denials = 0;
  #failures = 0;
  #retryAfterMs = 0;
  #listedAt: Instant | undefined;
  /** What that listing had open. */
  #openBefore: ReadonlyMap<ContractId, string> = new Map();
  #strangers = new Map<ContractId, number>();

  constructor({ pollIntervalMs }: { pollIntervalMs?: number | undefined }, parts: RefresherParts) {
    this.#pollIntervalMs = pollIntervalMs;
    this.#parts = parts;
  }

  /**
   * Whether the node answered when it was last asked, and doesn't keep us waiting; undefined before it was asked. Half an
   * interval without a listing is long: the round is lost if it goes on.
   */
  get reachable(): boolean | undefined {
    const { clock, farm } = this.#parts;
    const waitedMs = this.#askingSince === undefined ? 0 : clock.now() - this.#askingSince;
    return this.#reachable && waitedMs < (farm.shortestIntervalMs ?? MOST_MS) / 2;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // What is left behind is not looked at any more.
      if (this.#parts.leaving.leaving() !== 'left') await this.refresh(signal);
      await this.#rest(signal);
    }
  }

  /** In short steps: a contract taken meanwhile may have a shorter interval than any before. */
  async #rest(signal: AbortSignal): Promise<void> {
    const failingMs = this.#failures > 0 ? this.#failingPause() : undefined;
    for (let restedMs = 0; ; ) {
      const pauseMs = failingMs === undefined ? this.#usualPause() : Math.min(failingMs, this.#longestPause());
      const stepMs = Math.min(LEAST_MS, pauseMs - restedMs);
      if (stepMs <= 0) return;
      await this.#parts.clock.sleep(stepMs, signal);
      restedMs += stepMs;
    }
  }

  /** Asks once. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { node, session, farm, awakeSince, clock, log } = this.#parts;
    if (session.token === undefined) return;
    const askedAt = clock.now();
    this.#askingSince = askedAt;
    try {
      const listing = await node.listContracts(session.token, { signal, timeoutMs: this.#longestMs() });
      const nodeReachable = this.reachable ?? true;
      this.#askingSince = undefined;
      this.#reachable = true;
      this.#denials = 0;
      this.#failures = 0;
      for (const { id, challenge } of listing.open) {
        farm.apply(id, {
          type: 'challenged',
          challenge,
          askedAt,
          notListedAt: this.#openBefore.get(id) === challenge ? undefined : this.#listedAt,
          nodeReachable,
          awakeSince: awakeSince(),
        });
      }
      this.#listedAt = askedAt;
      this.#openBefore = new Map(listing.open.map(({ id, challenge }) => [id, challenge]));
      await this.#reconcile(listing, askedAt, signal);
    } catch (error) {
      this.#askingSince = undefined;
      if (!(error instanceof NodeError)) throw error;
      this.#failures += 1;
      this.#retryAfterMs = error.retryAfterMs ?? 0;
      this.#listedAt = undefined;
      if (error.code === 'no_token') return await this.#denied(signal);
      this.#reachable = false;
      log.warn('no listing from the node', { error, failures: this.#failures });
    }
  }

  async #reconcile({ held }: Listing, askedAt: Instant, signal: AbortSignal): Promise<void> {
    const { farm, onboarder } = this.#parts;
    for (const id of farm.ids()) {
      const contract = farm.get(id);
      // One that was taken while the listing was under way may be missing from it.
      if (contract !== undefined && !held.has(id) && contract.terms.takenAt < askedAt)
        await farm.end(id, 'ended_by_node');
    }
    if (onboarder.isAsking) return;
    const strangers = [...held].filter((id) => !farm.has(id));
    this.#strangers = new Map(strangers.map((id) => [id, (this.#strangers.get(id) ?? 0) + 1]));
    for (const [id, times] of this.#strangers) if (times >= STRANGER_AFTER) await this.#giveBack(id, signal);
  }

  /** A contract that the node gave and this farmer lost before it was written down can't be proved. */
  async #giveBack(id: ContractId, signal: AbortSignal): Promise<void> {
    const { node, session, log } = this.#parts;
    if (session.token === undefined) return;
    try {
      await node.release(session.token, id, { signal });
      log.warn('gave back a contract that this farmer knows nothing of', { contract: id });
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      log.warn('a contract that this farmer knows nothing of was not given back', { contract: id, error });
    }
  }

  async #denied(signal: AbortSignal): Promise<void> {
    const { session, farm, log } = this.#parts;
    this.#denials += 1;
    log.warn('the node denies our token', { times: this.#denials, believedAfter: DENIALS_BELIEVED });
    if (this.#denials < DENIALS_BELIEVED) return;
    this.#denials = 0;
    for (const id of farm.ids()) await farm.end(id, 'token_lost');
    await session.renew(signal);
    this.#failures = 0;
  }

  /** The longest that a listing may take, or a pause may last: two more fit into the shortest round. */
  #longestMs(): number {
    return Math.max(LEAST_MS, (this.#parts.farm.shortestIntervalMs ?? MOST_MS) / 3);
  }

  #usualPause(): number {
    const intervalMs = this.#parts.farm.shortestIntervalMs ?? 10 * NO_CONTRACT_MS;
    return this.#pollIntervalMs ?? Math.min(MOST_MS, Math.max(LEAST_MS, intervalMs / 10));
  }

  /** While the node fails, pauses grow as it wants them to, but never so long that a whole round could go by unseen. */
  #failingPause(): number {
    const baseMs = this.#usualPause();
    const capMs = this.#longestPause();
    const pauseMs = backoffMs({ baseMs, capMs }, this.#failures, this.#parts.rng);
    return Math.min(capMs, Math.max(pauseMs, this.#retryAfterMs));
  }

  #longestPause(): number {
    return Math.max(this.#usualPause(), this.#longestMs());
  }
}
