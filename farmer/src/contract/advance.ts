import type { Instant } from '@downstream/platform';
import {
  type Contract,
  type ContractByPhase,
  type ContractEvent,
  dueAt,
  type EventByType,
  type EventType,
  type FailureReason,
  getOpenChallenge,
  isTimedByNode,
  type Obstacle,
  type Phase,
  type RoundContext,
} from './contract.ts';
import type { Cause, JournalEntry } from './journal-entry.ts';
import {
  advanceRound,
  countElapsedRounds,
  EMPTY_TIMELINE,
  MAX_CLOCK_ERROR_MS,
  type Round,
  type Timeline,
} from './round.ts';

/** The outcome of one round, or of several consecutive rounds. */
export interface Settlement {
  readonly entry: JournalEntry;
  /** The time left before the deadline when the verdict arrived; negative if late. Undefined without a verdict. */
  readonly slackMs?: number | undefined;
}

export interface Step {
  readonly contract: Contract;
  readonly settlement?: Settlement | undefined;
}

type Transition<P extends Phase, T extends EventType> = (
  contract: ContractByPhase[P],
  event: EventByType[T],
  now: Instant,
) => Step;
type Transitions<P extends Phase> = { readonly [T in EventType]: Transition<P, T> };

const ignore = (contract: Contract): Step => ({ contract });

/** The transition for each phase and event, as in farmer/SPEC.md. Events that do not fit the phase change nothing. */
const TRANSITIONS: { readonly [P in Phase]: Transitions<P> } = {
  generating: {
    chunk_stored: (contract, _, now) => ({ contract: { ...addChunk(contract, now), verifiedAt: now } }),
    chunk_found: (contract, _, now) => ({ contract: addChunk(contract, now) }),
    chunk_lost: (contract) => ({
      contract: contract.hadChunk ? { ...contract, obstacle: 'chunk_unreadable' } : contract,
    }),
    chunk_verified: ignore,
    challenged: receiveChallenge,
    answered: receiveAnswered,
    reading: ignore,
    unprovable: ignore,
    proved: ignore,
    sent: ignore,
    verdict: ignore,
    rejected: ignore,
    tick: settleIfOver,
  },
  waiting: {
    chunk_stored: ignore,
    chunk_found: ignore,
    chunk_lost: (contract) => ({ contract: loseChunk(contract) }),
    chunk_verified: (contract, _, now) => ({ contract: { ...contract, verifiedAt: now } }),
    challenged: receiveChallenge,
    answered: receiveAnswered,
    reading: ignore,
    unprovable: ignore,
    proved: ignore,
    sent: ignore,
    verdict: ignore,
    rejected: ignore,
    tick: settleIfOver,
  },
  proving: {
    chunk_stored: ignore,
    chunk_found: ignore,
    chunk_lost: (contract) => ({ contract: loseChunk(contract) }),
    chunk_verified: (contract, _, now) => ({ contract: { ...contract, verifiedAt: now } }),
    challenged: receiveChallenge,
    answered: receiveAnswered,
    reading: (contract, _, now) => ({ contract: { ...contract, timeline: { ...contract.timeline, readAt: now } } }),
    unprovable: (contract, { cause }) => ({ contract: { ...contract, obstacle: cause } }),
    proved: (contract, { response }, now) => {
      const timeline = { ...contract.timeline, hashedAt: now };
      // Proofs of other kinds read a part of the chunk.
      const verifiedAt = contract.terms.proof === 'digest' ? now : contract.verifiedAt;
      return { contract: { ...contract, phase: 'answering', response, verifiedAt, timeline } };
    },
    sent: ignore,
    verdict: ignore,
    rejected: ignore,
    tick: settleIfOver,
  },
  answering: {
    chunk_stored: clearChunkLoss,
    chunk_found: clearChunkLoss,
    // The response is already known, so it is delivered before the chunk is rebuilt.
    chunk_lost: (contract) => ({ contract: { ...contract, chunkLost: true } }),
    chunk_verified: (contract, _, now) => ({ contract: { ...contract, verifiedAt: now } }),
    challenged: receiveChallenge,
    answered: receiveAnswered,
    reading: ignore,
    unprovable: ignore,
    proved: ignore,
    sent: (contract, _, now) => {
      const { sentAt = now, attempts } = contract.timeline;
      return { contract: { ...contract, timeline: { ...contract.timeline, sentAt, attempts: attempts + 1 } } };
    },
    verdict: (contract, { passed }, now) => settleVerdict(contract, passed, now),
    rejected: (contract, _, now) => ({ contract: proveAgain(contract, now) }),
    tick: settleIfOver,
  },
};

/** Computes the next state of a contract after an event at `now`. Pure. */
export function advance(contract: Contract, event: ContractEvent, now: Instant): Step {
  // Work on an earlier challenge that completes late.
  const isOutdated =
    'challenge' in event && event.type !== 'challenged' && event.challenge !== getOpenChallenge(contract);
  if (isOutdated) return { contract };
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

function addChunk(contract: Contract<'generating'>, now: Instant): Contract {
  const { challenge, hadChunk: _, ...held } = contract;
  if (challenge === undefined) return { ...held, phase: 'waiting' };
  return { ...held, phase: 'proving', challenge, timeline: { ...held.timeline, queuedAt: now } };
}

function clearChunkLoss(contract: Contract<'answering'>): Step {
  return { contract: contract.chunkLost ? { ...contract, chunkLost: false } : contract };
}

function loseChunk(contract: Contract<'waiting' | 'proving'>): Contract<'generating'> {
  const { readAt: _, ...timeline } = contract.timeline;
  return {
    ...contract,
    phase: 'generating',
    hadChunk: true,
    obstacle: 'chunk_unreadable',
    verifiedAt: undefined,
    timeline,
  };
}

/** The response was wrong, perhaps because the chunk changed on the way. The chunk is read again. */
function proveAgain(contract: Contract<'answering'>, now: Instant): Contract {
  const { response: _, chunkLost, ...held } = contract;
  const { attempts, receivedAt } = contract.timeline;
  const timeline = { attempts, receivedAt, queuedAt: now };
  const proving: Contract<'proving'> = { ...held, phase: 'proving', obstacle: 'wrong_answer', timeline };
  return chunkLost ? loseChunk(proving) : proving;
}

function receiveChallenge(contract: Contract, event: ContractEvent<'challenged'>, now: Instant): Step {
  if (isOlderThanRound(contract, event)) return { contract };
  if (event.dueAt !== undefined) return receiveTimedChallenge(contract, event.challenge, event.dueAt, now);
  const { challenge, askedAt, lastAbsentAt } = event;
  const open = getOpenChallenge(contract);
  if (open === challenge) return { contract };
  if (mayBePreviousChallenge(contract, lastAbsentAt, now) || isAlreadyAnswered(contract, event)) return { contract };
  // A new challenge replaces an unanswered one: the node started the next round, even if it is early by our clock.
  const elapsed = countElapsedRounds(contract.round, contract.terms.intervalMs, now) || (open === undefined ? 0 : 1);
  const settlement = elapsed === 0 ? undefined : settleElapsed(contract, event, elapsed, now);
  const current = settlement === undefined ? contract : startNextRound(contract, settlement);
  // The rounds after the unknown ones are settled first. The next listing contains the challenge again.
  if (settlement !== undefined && settlement.entry.count < elapsed) return { contract: current, settlement };
  // A round ended while the listing was in flight, so the listed challenge is the previous one.
  const { intervalMs } = contract.terms;
  if (countElapsedRounds(contract.round, intervalMs, askedAt) < countElapsedRounds(contract.round, intervalMs, now))
    return { contract: current, settlement };
  const unlisted = isNewerThan(lastAbsentAt, contract.settledAt) ? lastAbsentAt : undefined;
  const { issuedAt } = current.round;
  const round = { ...current.round, issuedAt: Math.min(Math.max(issuedAt, unlisted ?? issuedAt), now) };
  return { contract: openRound(current, round, challenge, now), settlement };
}

/** A listing that was requested before the last round was settled is out of date. */
function isOlderThanRound({ settledAt }: Contract, { askedAt }: { readonly askedAt: Instant }): boolean {
  return settledAt !== undefined && askedAt <= settledAt;
}

function openRound(contract: Contract, round: Round, challenge: string, now: Instant): Contract {
  const received: Timeline = { attempts: 0, receivedAt: now };
  const common = { round, challenge, isLapsed: undefined, unknownUntil: undefined };
  return contract.phase === 'generating'
    ? { ...contract, ...common, timeline: received }
    : { ...contract, ...common, phase: 'proving', obstacle: undefined, timeline: { ...received, queuedAt: now } };
}

/** A deadline that the node states again may differ by this much, because of rounding and the time of a request. */
const DEADLINE_TOLERANCE_MS = 100;

/** A node that sets the deadlines issues a challenge only if the one before was answered in time. */
function receiveTimedChallenge(contract: Contract, challenge: string, due: Instant, now: Instant): Step {
  const { round, terms } = contract;
  const isSameDeadline = Math.abs(due - dueAt(contract)) < DEADLINE_TOLERANCE_MS;
  const issuedAt = due - terms.intervalMs;
  if (getOpenChallenge(contract) === challenge)
    return { contract: isSameDeadline ? contract : { ...contract, round: { ...round, issuedAt } } };
  const count = Math.max(0, countRoundsUntil(contract, due));
  const settlement = count === 0 ? undefined : settleAnswered(contract, count, now);
  const current = settlement === undefined ? contract : startNextRound(contract, settlement);
  return { contract: openRound(current, { number: current.round.number, issuedAt }, challenge, now), settlement };
}

function receiveAnswered(contract: Contract, event: ContractEvent<'answered'>, now: Instant): Step {
  if (isOlderThanRound(contract, event)) return { contract };
  const rounds = countRoundsUntil(contract, event.dueAt);
  if (rounds >= 0 && !mayHaveAnswered(contract, event)) return { contract };
  const settlement = rounds < 0 || contract.isLapsed ? undefined : settleAnswered(contract, rounds + 1, now);
  const current = settlement === undefined ? contract : startNextRound(contract, settlement);
  const round = { ...current.round, issuedAt: event.dueAt };
  return { contract: { ...current, round, isLapsed: undefined }, settlement };
}

/** Whether an answer was sent in this round, by this process or perhaps by an earlier one. */
function mayHaveAnswered({ round, timeline, isLapsed }: Contract, { runningSince }: RoundContext): boolean {
  return timeline.attempts > 0 || isLapsed === true || runningSince > round.issuedAt;
}

/** How many rounds after the current one has this deadline. */
function countRoundsUntil(contract: Contract, due: Instant): number {
  return contract.isLapsed ? 0 : Math.round((due - dueAt(contract)) / contract.terms.intervalMs);
}

/** Settles rounds that the node says were answered, which this process may not have seen. */
function settleAnswered(contract: Contract, count: number, now: Instant): Settlement {
  const isKnown = count === 1 && contract.unknownUntil === undefined;
  const outcome = isKnown ? ('passed' as const) : ('unknown' as const);
  const entry = { ...toJournalEntry(contract, outcome, count, now), ...(!isKnown && { cause: 'state_lost' as const }) };
  return { entry, slackMs: Math.max(0, dueAt(contract) - now) };
}

function settleVerdict(contract: Contract<'answering'>, passed: boolean, now: Instant): Step {
  const slackMs = dueAt(contract) - now;
  const timeline = { ...contract.timeline, acknowledgedAt: now };
  const outcome = passed ? 'passed' : slackMs < 0 ? 'late' : 'wrong_answer';
  const entry = {
    ...toJournalEntry({ ...contract, timeline }, outcome, 1, now),
    ...(!passed && { cause: 'answer_rejected' as const }),
  };
  const settlement = { entry, slackMs };
  return { contract: { ...startNextRound(contract, settlement), settled: contract.challenge }, settlement };
}

function settleIfOver(contract: Contract, event: ContractEvent<'tick'>, now: Instant): Step {
  const { round, terms, isLapsed } = contract;
  const elapsed = isLapsed ? 0 : countElapsedRounds(round, terms.intervalMs, now);
  if (elapsed === 0) return { contract };
  const isTimed = isTimedByNode(terms);
  // After a missed round, a node that sets the deadlines ends the contract.
  const settlement = settleElapsed(contract, event, isTimed ? 1 : elapsed, now);
  const next = { ...startNextRound(contract, settlement), settled: getOpenChallenge(contract) };
  return { contract: isTimed ? { ...next, isLapsed: true } : next, settlement };
}

/** Settles `count` rounds that are over, or only the first of them, if their outcome is unknown. */
function settleElapsed(contract: Contract, context: RoundContext, count: number, now: Instant): Settlement {
  const unknown = Math.min(count, countUnknownRounds(contract));
  if (unknown > 0) return { entry: { ...toJournalEntry(contract, 'unknown', unknown, now), cause: 'state_lost' } };
  const { reason, cause } = findMissedReason(contract, context);
  return { entry: { ...toJournalEntry(contract, reason, count, now), cause } };
}

/** How many rounds, starting with this one, began before the state was restored. */
function countUnknownRounds({ round, terms, timeline, unknownUntil }: Contract): number {
  // A listed challenge was not answered before.
  if (unknownUntil === undefined || timeline.receivedAt !== undefined) return 0;
  return Math.max(0, Math.ceil((unknownUntil - round.issuedAt) / terms.intervalMs));
}

const MISSED_REASONS: Readonly<Record<Obstacle, { reason: FailureReason; cause: Cause }>> = {
  chunk_unreadable: { reason: 'chunk_unreadable', cause: 'chunk_lost' },
  wrong_answer: { reason: 'wrong_answer', cause: 'answer_rejected' },
  invalid_challenge: { reason: 'node_error', cause: 'invalid_challenge' },
  no_tag: { reason: 'chunk_unreadable', cause: 'tag_lost' },
};

/** Why a round ended without an answer: the first reason that applies. */
function findMissedReason(
  contract: Contract,
  { nodeReachable, runningSince }: RoundContext,
): { reason: FailureReason; cause: Cause } {
  if (contract.timeline.sentAt !== undefined) return { reason: 'node_error', cause: 'not_acknowledged' };
  if (contract.obstacle !== undefined) return MISSED_REASONS[contract.obstacle];
  if (runningSince >= dueAt(contract)) return { reason: 'missed', cause: 'farmer_stopped' };
  if (!nodeReachable)
    return { reason: 'node_error', cause: contract.phase === 'answering' ? 'not_acknowledged' : 'node_unreachable' };
  switch (contract.phase) {
    case 'generating':
      return contract.hadChunk
        ? { reason: 'chunk_unreadable', cause: 'chunk_lost' }
        : { reason: 'missed', cause: 'chunk_not_generated' };
    case 'proving':
    case 'answering':
      return { reason: 'missed', cause: contract.timeline.readAt === undefined ? 'no_worker' : 'slow_read' };
    case 'waiting':
      // A farmer that started in the second half of the round may have been too late for the listing.
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
  const { id, intervalMs } = terms;
  return { ...timeline, contract: id, round: round.number, count, intervalMs, dueAt: due, settledAt, outcome };
}

/** The contract in the round after the settled ones. A missing chunk is still missing and still an obstacle. */
function startNextRound(contract: Contract, { entry: { outcome, count, settledAt } }: Settlement): Contract {
  const { terms, verifiedAt } = contract;
  const round = advanceRound(contract.round, terms.intervalMs, count);
  const unknownUntil = round.issuedAt < (contract.unknownUntil ?? 0) ? contract.unknownUntil : undefined;
  const held = { terms, round, timeline: EMPTY_TIMELINE, settledAt, last: outcome, unknownUntil };
  if (contract.phase === 'generating') {
    return { phase: 'generating', ...held, hadChunk: contract.hadChunk, obstacle: contract.obstacle };
  }
  if (contract.phase === 'answering' && contract.chunkLost === true) {
    return { phase: 'generating', ...held, hadChunk: true, obstacle: 'chunk_unreadable' };
  }
  return { phase: 'waiting', ...held, verifiedAt };
}

/**
 * Shortly after the estimated start of a round, a listed challenge may still be the previous one, unless an earlier
 * listing did not contain it. After a restart or an outage there is no such listing, so the farmer waits for the next
 * one: a late answer would count as a wrong answer to the next challenge.
 */
function mayBePreviousChallenge(contract: Contract, lastAbsentAt: Instant | undefined, now: Instant): boolean {
  const { phase, round, terms } = contract;
  const isOpen = phase !== 'waiting' && contract.challenge !== undefined;
  if (isOpen || lastAbsentAt !== undefined || round.number === 0) return false;
  const into = (now - round.issuedAt) % terms.intervalMs;
  return into >= 0 && into < Math.min(MAX_CLOCK_ERROR_MS, terms.intervalMs / 4);
}

/**
 * Nodes may keep listing a challenge after its verdict, and list an unanswered one until their own round is over.
 * A second answer would count twice, or for the next round. It is a new challenge only if the next round has
 * started and a listing in between did not contain it.
 */
function isAlreadyAnswered({ settled, settledAt, round }: Contract, event: ContractEvent<'challenged'>): boolean {
  const { challenge, askedAt, lastAbsentAt } = event;
  return challenge === settled && (askedAt < round.issuedAt || !isNewerThan(lastAbsentAt, settledAt));
}

function isNewerThan(instant: Instant | undefined, other: Instant | undefined): boolean {
  return instant !== undefined && (other === undefined || instant > other);
}
