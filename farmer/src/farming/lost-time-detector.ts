import { type Clock, forEachInSlices, type Instant, type Logger } from '@downstream/platform';
import type { Contract, ContractId } from '../contract/contract.ts';
import {
  type ClockOffsets,
  checkAgainstListing,
  isEarly,
  MIN_JUMP_MS,
  type SuspectedLoss,
  suspectLoss,
} from '../contract/lost-time.ts';
import type { ContractTable } from './contract-table.ts';
import type { ClockStorePort, Listing, NodeClockPort, OutcomePort } from './ports.ts';
import type { RunMonitor } from './run-monitor.ts';

interface LostTimeDetectorDeps {
  readonly nodeClock: NodeClockPort;
  readonly clockStore: ClockStorePort;
  readonly contracts: ContractTable;
  readonly monitor: RunMonitor;
  readonly outcomes: Pick<OutcomePort, 'timeLost'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How often the clocks are stored. */
const SAVE_INTERVAL_MS = 10_000;

/**
 * Detects time that this process's clock did not see, because the machine was paused or the process was not running.
 * A first sign makes earlier challenges doubtful: they are answered only after another listing contains them. Lost time
 * is added to the contracts only if a second sign confirms it.
 */
export class LostTimeDetector {
  readonly #deps: LostTimeDetectorDeps;
  /** The clocks at the last listing; at the start those that the last process stored. */
  #offsets: ClockOffsets | undefined;
  #comparedAt: Instant;
  /** How far the system clock jumped before the last comparison. */
  #wallJumpMs = 0;
  #savedAt: Instant | undefined;
  #wallMs: number;
  /** Challenges received before this are doubtful until they are listed again. */
  #doubtfulBefore: Instant = Number.NEGATIVE_INFINITY;
  #listing: { readonly askedAt: Instant; readonly open: ReadonlyMap<ContractId, string> } | undefined;
  /** Contracts whose challenge in the last listing is early. */
  readonly #early = new Set<ContractId>();

  constructor(deps: LostTimeDetectorDeps) {
    this.#deps = deps;
    this.#offsets = deps.clockStore.clockOffsets();
    this.#comparedAt = deps.clock.now();
    this.#wallMs = this.#readWallMs();
  }

  /** Whether another listing is needed before all challenges can be answered. */
  get needsListing(): boolean {
    return this.#early.size > 0 || (this.#listing !== undefined && this.isOutdated(this.#listing.askedAt));
  }

  /** Whether there was a sign of lost time since this instant. */
  isOutdated(askedAt: Instant): boolean {
    this.check();
    return askedAt < this.#doubtfulBefore;
  }

  /** Whether the challenge was received or listed again since the last sign of lost time. */
  isConfirmed({ terms, round, challenge, timeline }: Contract<'answering'>): boolean {
    if (this.#early.has(terms.id)) return false;
    // The first challenge comes with the contract, whose request may have been in flight.
    const receivedAt = round.number === 0 ? terms.acceptedAt : timeline.receivedAt;
    if (receivedAt !== undefined && !this.isOutdated(receivedAt)) return true;
    return !this.needsListing && this.#listing?.open.get(terms.id) === challenge;
  }

  /** Looks for a jump of the system clock. Called before each answer and at least once a second. */
  check(): void {
    const wallMs = this.#readWallMs();
    const jumpMs = wallMs - this.#wallMs;
    this.#wallMs = wallMs;
    if (jumpMs < MIN_JUMP_MS) return;
    this.#doubtEarlierThan(this.#deps.clock.now());
    this.#deps.log.warn('system clock moved forward', { seconds: toSeconds(jumpMs) });
  }

  /**
   * Compares a listing with the clocks and the schedule. Must be called before its challenges are passed on.
   *
   * @returns how much time was lost since the previous listing, which the contracts now include
   */
  async recordListing(listing: Pick<Listing, 'held' | 'open'>, askedAt: Instant): Promise<number> {
    const { contracts, clock } = this.#deps;
    const now = clock.now();
    const loss = this.#compareClocks();
    const lostMs = loss !== undefined && (await this.#isProved(loss, listing, now)) ? loss.ms : 0;
    this.#report(lostMs);
    if (lostMs > 0) {
      this.#doubtEarlierThan(askedAt);
      await contracts.addLostTime(lostMs, this.#comparedAt);
    }
    this.#comparedAt = now;
    this.#listing = { askedAt, open: listing.open };
    this.#early.clear();
    if (lostMs > 0 || now - (this.#savedAt ?? Number.NEGATIVE_INFINITY) >= SAVE_INTERVAL_MS) this.#save(now);
    return lostMs;
  }

  /** Compares a challenge of the last listing with the schedule. Must be called before it is passed on. */
  recordChallenge(id: ContractId, challenge: string): void {
    const { contracts, clock } = this.#deps;
    const contract = contracts.get(id);
    if (this.#listing === undefined || contract === undefined || !isEarly(contract, challenge, clock.now())) return;
    this.#early.add(id);
    this.#doubtEarlierThan(this.#listing.askedAt);
  }

  #doubtEarlierThan(instant: Instant): void {
    this.#doubtfulBefore = Math.max(this.#doubtfulBefore, instant);
  }

  #compareClocks(): SuspectedLoss | undefined {
    const offsets = { wallMs: this.#readWallMs(), node: this.#deps.nodeClock.ahead };
    const before = this.#offsets ?? offsets;
    this.#offsets = offsets;
    this.#wallJumpMs = offsets.wallMs - before.wallMs;
    return suspectLoss(before, offsets);
  }

  async #isProved(loss: SuspectedLoss, { held, open }: Pick<Listing, 'held' | 'open'>, now: Instant): Promise<boolean> {
    const contracts: Contract[] = [];
    await forEachInSlices(held, (id) => {
      const contract = this.#deps.contracts.get(id);
      // Later contracts did not exist yet, or their offer was in flight.
      if (contract !== undefined && contract.terms.acceptedAt <= this.#comparedAt) contracts.push(contract);
    });
    const isProved = checkAgainstListing(loss.ms, { contracts, open, now });
    if (!loss.isDoubtful) return isProved !== false;
    // While the process was not running, the system clock alone is no evidence.
    return isProved === true && (this.#listing !== undefined || this.#offsets?.node !== undefined);
  }

  #report(lostMs: number): void {
    const { monitor, outcomes, clock, log } = this.#deps;
    if (this.#listing !== undefined) {
      if (lostMs === 0) return;
      outcomes.timeLost(lostMs, { after: this.#comparedAt, now: clock.now() });
      monitor.recordSuspension(lostMs);
    } else if (lostMs > 0) {
      log.info('downtime measured', { seconds: toSeconds(lostMs) });
    } else if (Math.abs(this.#wallJumpMs) >= MIN_JUMP_MS) {
      log.warn('system clock was set while the farmer was stopped', { seconds: toSeconds(this.#wallJumpMs) });
    }
  }

  #save(now: Instant): void {
    const { clockStore, log } = this.#deps;
    this.#savedAt = now;
    try {
      if (this.#offsets !== undefined) clockStore.saveClockOffsets(this.#offsets);
    } catch (error) {
      log.error('state write failed', { error });
    }
  }

  #readWallMs(): number {
    const { clock } = this.#deps;
    const now = clock.now();
    return clock.toWallTime(now) - now;
  }
}

function toSeconds(ms: number): number {
  return Math.round(ms / 1000);
}
