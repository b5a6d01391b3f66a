import type { Instant } from '@downstream/platform';
import { type Contract, type ContractId, dueAt, getOpenChallenge } from './contract.ts';
import { EMPTY_TIMELINE, MAX_CLOCK_ERROR_MS } from './round.ts';

/** A difference between two clocks that is known only within bounds. */
export interface TimeRange {
  readonly minMs: number;
  readonly maxMs: number;
}

/** How far other clocks are ahead of this process's instants. */
export interface ClockOffsets {
  /** The system clock. */
  readonly wallMs: number;
  /** The node's clock; undefined if its responses have no valid date. */
  readonly node?: TimeRange | undefined;
}

/** A clock that moved less is not considered to have jumped. */
export const MIN_JUMP_MS = 2_500;

/** Time that may have passed while this process's clock stood still. */
export interface SuspectedLoss {
  readonly ms: number;
  /** Whether only one clock jumped. A clock that jumps may just have been set. */
  readonly isDoubtful: boolean;
}

/**
 * Compares two readings of all clocks. If time was lost, as in a virtual machine that was paused, all other clocks jump
 * forward. The smaller jump counts: no challenge may be counted as failed that never existed.
 */
export function suspectLoss(before: ClockOffsets, now: ClockOffsets): SuspectedLoss | undefined {
  const wallMs = now.wallMs - before.wallMs;
  const node = subtractRanges(now.node, before.node);
  const hasWallJumped = wallMs >= MIN_JUMP_MS;
  if (node === undefined) return hasWallJumped ? { ms: wallMs, isDoubtful: true } : undefined;
  if (node.minMs < MIN_JUMP_MS) return undefined;
  const nodeMs = (node.minMs + node.maxMs) / 2;
  if (!hasWallJumped) return { ms: nodeMs, isDoubtful: true };
  // The system clock is precise, so it decides if the node's clock agrees.
  return { ms: wallMs <= node.maxMs ? wallMs : nodeMs, isDoubtful: false };
}

function subtractRanges(a: TimeRange | undefined, b: TimeRange | undefined): TimeRange | undefined {
  return a && b && { minMs: a.minMs - b.maxMs, maxMs: a.maxMs - b.minMs };
}

/** Whether the node lists a new challenge before the schedule allows one. */
export function isEarly(contract: Contract, listed: string, now: Instant): boolean {
  return isNew(contract, listed) && now < getNextStart(contract) - getTolerance(contract);
}

/**
 * Whether a listing proves or disproves that time was lost: if so, every contract whose round is over has a new
 * challenge.
 *
 * @param contracts that the node lists
 * @param open the open challenges in the listing
 * @returns undefined if the listing proves neither
 */
export function checkAgainstListing(
  lostMs: number,
  { contracts, open, now }: { contracts: Iterable<Contract>; open: ReadonlyMap<ContractId, string>; now: Instant },
): boolean | undefined {
  let votes = 0;
  let hasVotes = false;
  for (const contract of contracts) {
    const next = getNextStart(contract);
    const tolerance = getTolerance(contract);
    // No evidence: a new challenge is due even without lost time, or would not be due even with it.
    if (now >= next - tolerance || now + lostMs < next + tolerance) continue;
    const listed = open.get(contract.terms.id);
    votes += listed !== undefined && isNew(contract, listed) ? 1 : -1;
    hasVotes = true;
  }
  return hasVotes ? votes > 0 : undefined;
}

function isNew(contract: Contract, listed: string): boolean {
  return listed !== contract.settled && listed !== getOpenChallenge(contract);
}

/** When the node issues the next challenge that is not known yet. */
function getNextStart(contract: Contract): Instant {
  return getOpenChallenge(contract) === undefined ? contract.round.issuedAt : dueAt(contract);
}

function getTolerance({ terms }: Contract): number {
  return Math.min(MAX_CLOCK_ERROR_MS, terms.intervalMs / 4);
}

/** The contract after `ms` that this process's clock did not see: its round began that much earlier. */
export function addLostTime(contract: Contract, ms: number): Contract {
  const { round, timeline } = contract;
  const earlier = { ...contract, round: { ...round, issuedAt: round.issuedAt - ms } };
  if (timeline === EMPTY_TIMELINE) return earlier;
  const { attempts, ...times } = timeline;
  const shifted = Object.entries(times).map(([name, at]) => [name, at === undefined ? undefined : at - ms]);
  return { ...earlier, timeline: { ...Object.fromEntries(shifted), attempts } };
}
