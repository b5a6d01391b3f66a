/** The node's view of a contract at one moment. */
export interface Snapshot {
  readonly hash: string;
  readonly state: 'due' | 'settled';
  readonly round: number;
  readonly intervalMs: number;
  readonly acceptedAt: number;
  /** When the current round ends. */
  readonly dueAt: number;
  readonly results: Readonly<Record<'passed' | 'wrong' | 'unanswered', number>>;
}

/** One challenge of a contract, and the time in which it could be answered. */
export interface Round {
  readonly contract: string;
  /** Starts at 0. */
  readonly number: number;
  readonly from: number;
  readonly until: number;
}

export interface FailedRound extends Round {
  readonly result: 'wrong' | 'unanswered';
}

/**
 * Derives the rounds of a contract that ended between two snapshots.
 *
 * @param before undefined if the contract is new
 */
export function compareSnapshots(
  before: Snapshot | undefined,
  after: Snapshot,
): { elapsed: Round[]; failed: FailedRound[] } {
  const earlier = before ?? toInitialSnapshot(after);
  const getRound = (number: number): Round => toRound(earlier, number);
  const elapsed = Array.from({ length: after.round - earlier.round }, (_, n) => getRound(earlier.round + n));
  const unanswered = after.results.unanswered - earlier.results.unanswered;
  const failed: FailedRound[] = elapsed
    // Only the first elapsed round can have been answered before.
    .slice(elapsed.length - unanswered)
    .map((round) => ({ ...round, result: 'unanswered' }));
  if (after.results.wrong > earlier.results.wrong)
    failed.push({ ...getRound(after.state === 'settled' ? after.round : earlier.round), result: 'wrong' });
  return { elapsed, failed };
}

/**
 * Derives the last rounds of a contract that ended because a challenge was missed, as v1 contracts do.
 *
 * @param before the last snapshot of the contract
 */
export function getLastRounds(before: Snapshot): { elapsed: Round[]; failed: FailedRound[] } {
  const missed = toRound(before, before.state === 'settled' ? before.round + 1 : before.round);
  const elapsed = before.state === 'settled' ? [getCurrentRound(before), missed] : [missed];
  return { elapsed, failed: [{ ...missed, result: 'unanswered' }] };
}

export function getCurrentRound(snapshot: Snapshot): Round {
  return toRound(snapshot, snapshot.round);
}

function toRound({ hash, dueAt, round, intervalMs }: Snapshot, number: number): Round {
  const until = dueAt + (number - round) * intervalMs;
  return { contract: hash, number, from: until - intervalMs, until };
}

function toInitialSnapshot({ hash, intervalMs, acceptedAt }: Snapshot): Snapshot {
  const results = { passed: 0, wrong: 0, unanswered: 0 };
  return { hash, state: 'due', round: 0, intervalMs, acceptedAt, dueAt: acceptedAt + intervalMs, results };
}
