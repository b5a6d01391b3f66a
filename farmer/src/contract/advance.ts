import type { Instant } from '@downstream/platform';
import {
  type Contract,
  type ContractByPhase,
  type ContractEvent,
  dueAt,
  EMPTY_TIMELINE,
  type EventByType,
  type EventType,
  type FailureReason,
  getOpenChallenge,
  type Phase,
  type RoundContext,
  type Settlement,
  type Step,
} from './contract.ts';
import type { Cause, JournalEntry, Timeline } from './journal-entry.ts';
import { advanceRound, countElapsedRounds } from './round.ts';

type Transition<P extends Phase, T extends EventType> = (
  contract: ContractByPhase[P],
  event: EventByType[T],
  now: Instant,
) => Step;
type Transitions<P extends Phase> = { readonly [T in EventType]: Transition<P, T> };
type Table = { readonly [P in Phase]: Transitions<P> };

const same = (contract: Contract): Step => ({ contract });

/** Every phase by every event; farmer/SPEC.md has it in words. An event that does not fit the phase changes nothing. */
const TRANSITIONS: Table = {
  generating: {
    chunk_stored: (contract, _, now) => ({ contract: { ...withChunk(contract, now), verifiedAt: now } }),
    chunk_found: (contract, _, now) => ({ contract: withChunk(contract, now) }),
    chunk_lost: (contract) => ({ contract: contract.again ? { ...contract, obstacle: 'chunk_unreadable' } : contract }),
    chunk_verified: same,
    challenged,
    reading: same,
    proved: same,
    sent: same,
    verdict: same,
    tick: expired,
  },
  waiting: {
    chunk_stored: same,
    chunk_found: same,
    chunk_lost: (contract) => ({ contract: withoutChunk(contract) }),
    chunk_verified: (contract, _, now) => ({ contract: { ...contract, verifiedAt: now } }),
    challenged,
    reading: same,
    proved: same,
    sent: same,
    verdict: same,
    tick: expired,
  },
  proving: {
    chunk_stored: same,
    chunk_found: same,
    chunk_lost: (contract) => ({ contract: withoutChunk(contract) }),
    chunk_verified: (contract, _, now) => ({ contract: { ...contract, verifiedAt: now } }),
    challenged,
    reading: (contract, { challenge }, now) =>
      challenge === contract.challenge
        ? { contract: { ...contract, timeline: { ...contract.timeline, readAt: now } } }
        : { contract },
    proved: (contract, { challenge, response }, now) =>
      challenge === contract.challenge
        ? {
            contract: {
              ...contract,
              phase: 'answering',
              response,
              verifiedAt: now,
              timeline: { ...contract.timeline, hashedAt: now },
            },
          }
        : { contract },
    sent: same,
    verdict: same,
    tick: expired,
  },
  answering: {
    chunk_stored: withoutLoss,
    chunk_found: withoutLoss,
    // A response already made still counts: it is delivered before the chunk is looked after.
    chunk_lost: (contract) => ({ contract: { ...contract, chunkLost: true } }),
    chunk_verified: (contract, _, now) => ({ contract: { ...contract, verifiedAt: now } }),
    challenged,
    reading: same,
    proved: same,
    sent: (contract, { challenge }, now) => {
      if (challenge !== contract.challenge) return { contract };
      const { sentAt = now, attempts } = contract.timeline;
      return { contract: { ...contract, timeline: { ...contract.timeline, sentAt, attempts: attempts + 1 } } };
    },
    verdict: (contract, event, now) =>
      event.challenge === contract.challenge ? judged(contract, event.passed, now) : { contract },
    tick: expired,
  },
};

/** What a contract becomes when something happens to it at `now`. Pure: the same arguments give the same step. */
export function advance(contract: Contract, event: ContractEvent, now: Instant): Step {
  return step(contract.phase, event.type, contract, event, now);
}

function step<P extends Phase, T extends EventType>(
  phase: P,
  type: T,
  contract: ContractByPhase[P],
  event: EventByType[T],
  now: Instant,
): Step {
  const transitions: Transitions<P> = TRANSITIONS[phase];
  return transitions[type](contract, event, now);
}

function withChunk(contract: Contract<'generating'>, now: Instant): Contract {
  const { challenge, again: _, ...held } = contract;
  if (challenge === undefined) return { ...held, phase: 'waiting' };
  return { ...held, phase: 'proving', challenge, timeline: { ...held.timeline, queuedAt: now } };
}

function withoutLoss(contract: Contract<'answering'>): Step {
  return { contract: contract.chunkLost ? { ...contract, chunkLost: false } : contract };
}

function withoutChunk(contract: Contract<'waiting' | 'proving'>): Contract<'generating'> {
  const { readAt: _, ...timeline } = contract.timeline;
  return {
    ...contract,
    phase: 'generating',
    again: true,
    obstacle: 'chunk_unreadable',
    verifiedAt: undefined,
    timeline,
  };
}

function challenged(contract: Contract, event: ContractEvent<'challenged'>, now: Instant): Step {
  if (contract.settledAt !== undefined && event.askedAt <= contract.settledAt) return { contract };
  const { challenge, askedAt, notListedAt } = event;
  const open = getOpenChallenge(contract);
  if (open === challenge) return { contract };
  if (isAmbiguous(contract, notListedAt, now) || isSettled(contract, event)) return { contract };
  // A challenge that replaces one not yet answered: the node has begun the next round, whatever our clock says.
  const past = countElapsedRounds(contract.round, contract.terms.intervalMs, now) || (open === undefined ? 0 : 1);
  const settlement = past === 0 ? undefined : failed(contract, event, past, now);
  const current = settlement === undefined ? contract : next(contract, settlement);
  // A listing that was so long on its way that a round ended meanwhile: proved now, its challenge would be the wrong one.
  const { intervalMs } = contract.terms;
  if (countElapsedRounds(contract.round, intervalMs, askedAt) < countElapsedRounds(contract.round, intervalMs, now))
    return { contract: current, settlement };
  const unlisted = isNewerThan(notListedAt, contract.settledAt) ? notListedAt : undefined;
  const round = { ...current.round, issuedAt: clamp(current.round.issuedAt, unlisted, now) };
  const received: Timeline = { attempts: 0, receivedAt: now };
  const step: Contract =
    current.phase === 'generating'
      ? { ...current, round, challenge, timeline: received }
      : { ...current, phase: 'proving', round, challenge, timeline: { ...received, queuedAt: now } };
  return { contract: step, settlement };
}

function judged(contract: Contract<'answering'>, passed: boolean, now: Instant): Step {
  const slackMs = dueAt(contract) - now;
  const timeline = { ...contract.timeline, acknowledgedAt: now };
  const outcome = passed ? 'passed' : slackMs < 0 ? 'late' : 'wrong_answer';
  const entry = {
    ...toJournalEntry({ ...contract, timeline }, outcome, 1, now),
    ...(!passed && { cause: 'refused' as const }),
  };
  const settlement = { entry, slackMs };
  return { contract: { ...next(contract, settlement), settled: contract.challenge }, settlement };
}

function expired(contract: Contract, event: ContractEvent<'tick'>, now: Instant): Step {
  const count = countElapsedRounds(contract.round, contract.terms.intervalMs, now);
  if (count === 0) return { contract };
  const settlement = failed(contract, event, count, now);
  return { contract: { ...next(contract, settlement), settled: getOpenChallenge(contract) }, settlement };
}

function failed(contract: Contract, witness: RoundContext, count: number, now: Instant): Settlement {
  const { reason, cause } = findMissedReason(contract, witness);
  return { entry: { ...toJournalEntry(contract, reason, count, now), cause } };
}

/** Why a round that is over came without an answer: the first of these that was so. */
function findMissedReason(
  contract: Contract,
  { nodeReachable, runningSince }: RoundContext,
): { reason: FailureReason; cause: Cause } {
  if (contract.timeline.sentAt !== undefined) return { reason: 'node_error', cause: 'not_acknowledged' };
  if (contract.obstacle !== undefined) return { reason: contract.obstacle, cause: 'chunk_lost' };
  if (runningSince >= dueAt(contract)) return { reason: 'missed', cause: 'farmer_stopped' };
  if (!nodeReachable)
    return { reason: 'node_error', cause: contract.phase === 'answering' ? 'not_acknowledged' : 'node_unreachable' };
  switch (contract.phase) {
    case 'generating':
      return contract.again
        ? { reason: 'chunk_unreadable', cause: 'chunk_lost' }
        : { reason: 'missed', cause: 'chunk_not_generated' };
    case 'proving':
    case 'answering':
      return { reason: 'missed', cause: contract.timeline.readAt === undefined ? 'no_worker' : 'slow_read' };
    case 'waiting':
      // Who came in the last half of a round may have come too late to be asked.
      return runningSince <= contract.round.issuedAt + contract.terms.intervalMs / 2
        ? { reason: 'not_challenged', cause: 'not_listed' }
        : { reason: 'missed', cause: 'farmer_stopped' };
  }
}

function toJournalEntry(
  { terms, round, timeline }: Contract,
  outcome: JournalEntry['outcome'],
  count: number,
  settledAt: Instant,
): JournalEntry {
  const due = round.issuedAt + terms.intervalMs;
  return { ...timeline, contract: terms.id, round: round.number, count, dueAt: due, settledAt, outcome };
}

/** The contract after the rounds settled, with nothing asked yet. A missing chunk stays missing, and stays an obstacle. */
function next(contract: Contract, { entry: { outcome, count, settledAt } }: Settlement): Contract {
  const { terms, verifiedAt } = contract;
  const round = advanceRound(contract.round, terms.intervalMs, count);
  const held = { terms, round, timeline: EMPTY_TIMELINE, settledAt, last: outcome };
  if (contract.phase === 'generating') {
    return { phase: 'generating', ...held, again: contract.again, obstacle: contract.obstacle };
  }
  if (contract.phase === 'answering' && contract.chunkLost === true) {
    return { phase: 'generating', ...held, again: true, obstacle: 'chunk_unreadable' };
  }
  return { phase: 'waiting', ...held, verifiedAt };
}

/** How far our reckoning of a round's start may be before the node's. */
const UNCERTAINTY_MS = 2_000;

/**
 * Just after a round began by our reckoning, a challenge that was not seen to appear (after a restart, or an outage) may
 * still be the one before: answered a moment too late it would be a wrong answer to the next. The next listing will tell.
 */
function isAmbiguous(contract: Contract, notListedAt: Instant | undefined, now: Instant): boolean {
  const { phase, round, terms } = contract;
  const isOpen = phase !== 'waiting' && contract.challenge !== undefined;
  if (isOpen || notListedAt !== undefined || round.number === 0) return false;
  const into = (now - round.issuedAt) % terms.intervalMs;
  return into >= 0 && into < Math.min(UNCERTAINTY_MS, terms.intervalMs / 4);
}

/**
 * Nodes may list a challenge that has had its verdict, and one that came out unanswered is listed until the node's own round is over.
 * Answered now it would count twice, or for the next round; it is a new one only where it went away meanwhile and the next round has begun.
 */
function isSettled({ settled, settledAt, round }: Contract, event: ContractEvent<'challenged'>): boolean {
  const { challenge, askedAt, notListedAt } = event;
  return challenge === settled && (askedAt < round.issuedAt || !isNewerThan(notListedAt, settledAt));
}

function isNewerThan(instant: Instant | undefined, other: Instant | undefined): boolean {
  return instant !== undefined && (other === undefined || instant > other);
}

function clamp(value: number, low: number | undefined, high: number): number {
  return Math.min(Math.max(value, low ?? value), high);
}
