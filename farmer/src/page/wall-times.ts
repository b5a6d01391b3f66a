import type { Clock, Instant } from '@downstream/platform';
import type { View } from './view.ts';

/** Smaller differences are not visible, but would change every time on the page with each reading of the clock. */
const STEP_MS = 10_000;

/** Converts the instants of a view to the time of the system clock, which may have been set since the start. */
export function toWallTimes(view: View, clock: Pick<Clock, 'toWallTime'>): View {
  const aheadMs = Math.round((clock.toWallTime(view.now) - view.now) / STEP_MS) * STEP_MS;
  if (aheadMs === 0) return view;
  const toWall = (at: Instant) => at + aheadMs;
  return {
    ...view,
    now: toWall(view.now),
    startedAt: toWall(view.startedAt),
    lastPassedAt: view.lastPassedAt && toWall(view.lastPassedAt),
    completeSince: toWall(view.completeSince),
    spans: view.spans.map((span) => ({ ...span, from: toWall(span.from) })),
    nextContracts: view.nextContracts.map(({ contract, ...place }) => ({
      ...place,
      contract: { ...contract, round: { ...contract.round, issuedAt: toWall(contract.round.issuedAt) } },
    })),
    requests: new Map(
      Array.from(view.requests, ([alias, { lastResponseAt, lastFailure, ...requests }]) => [
        alias,
        {
          ...requests,
          lastResponseAt: lastResponseAt && toWall(lastResponseAt),
          lastFailure: lastFailure && { ...lastFailure, at: toWall(lastFailure.at) },
        },
      ]),
    ),
  };
}
