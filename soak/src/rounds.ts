/** What the node's books say of a contract at one moment. */
export interface Entry {
  readonly hash: string;
  readonly state: 'due' | 'settled';
  readonly round: number;
  readonly intervalMs: number;
  readonly acceptedAt: number;
  /** When this round ends. */
  readonly dueAt: number;
  readonly results: Readonly<Record<'passed' | 'wrong' | 'unanswered', number>>;
}

/** One challenge of a contract: from when until when it could be answered. */
export interface Round {
  readonly contract: string;
  /** From 0. */
  readonly number: number;
  readonly from: number;
  readonly until: number;
}

export interface FailedRound extends Round {
  readonly result: 'wrong' | 'unanswered';
}

/**
 * What became of a contract between two looks at the books.
 *
 * @param before undefined where it was not there yet
 */
export function between(before: Entry | undefined, after: Entry): { over: Round[]; failed: FailedRound[] } {
  const earlier = before ?? firstOf(after);
  const roundAt = (number: number): Round => {
    const until = earlier.dueAt + (number - earlier.round) * after.intervalMs;
    return { contract: after.hash, number, from: until - after.intervalMs, until };
  };
  const over = Array.from({ length: after.round - earlier.round }, (_, at) => roundAt(earlier.round + at));
  const unanswered = after.results.unanswered - earlier.results.unanswered;
  const wrong = after.results.wrong - earlier.results.wrong;
  return {
    over,
    failed: [
      // Of the rounds that are over only the first can have had its answer.
      ...over.slice(over.length - unanswered).map((round) => ({ ...round, result: 'unanswered' as const })),
      ...(wrong === 0
        ? []
        : [{ ...roundAt(after.state === 'settled' ? after.round : earlier.round), result: 'wrong' as const }]),
    ],
  };
}

function firstOf({ hash, intervalMs, acceptedAt }: Entry): Entry {
  const results = { passed: 0, wrong: 0, unanswered: 0 };
  return { hash, state: 'due', round: 0, intervalMs, acceptedAt, dueAt: acceptedAt + intervalMs, results };
}
