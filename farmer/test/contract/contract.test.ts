import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { advance } from '../../src/contract/advance.ts';
import {
  acceptContract,
  type Contract,
  type ContractEvent,
  dueAt,
  type EventType,
  PHASES,
  type Phase,
  restoreContract,
} from '../../src/contract/contract.ts';
import { answering, generating, INTERVAL_MS, proving, T0, terms, waiting } from '../fakes/builders.ts';

const DUE = T0 + INTERVAL_MS;
const challenged = (challenge: string, askedAt = T0 + 10, lastAbsentAt?: number): ContractEvent<'challenged'> => ({
  type: 'challenged',
  challenge,
  askedAt,
  lastAbsentAt,
  nodeReachable: true,
  runningSince: T0,
});
/** A tick of a farmer that has been running since T0. */
const tick: ContractEvent = { type: 'tick', nodeReachable: true, runningSince: T0 };
/** A tick of a farmer that was started later. */
const restartedTick = (runningSince: number): ContractEvent => ({ type: 'tick', nodeReachable: true, runningSince });

/** The phase after each event in the normal case. A missing cell does not compile. */
const NEXT: Record<Phase, Record<EventType, Phase>> = {
  generating: {
    chunk_stored: 'proving',
    chunk_found: 'proving',
    chunk_lost: 'generating',
    challenged: 'generating',
    answered: 'generating',
    unprovable: 'generating',
    proved: 'generating',
    verdict: 'generating',
    rejected: 'generating',
    chunk_verified: 'generating',
    reading: 'generating',
    sent: 'generating',
    tick: 'generating',
  },
  waiting: {
    chunk_stored: 'waiting',
    chunk_found: 'waiting',
    chunk_lost: 'generating',
    challenged: 'proving',
    answered: 'waiting',
    unprovable: 'waiting',
    proved: 'waiting',
    verdict: 'waiting',
    rejected: 'waiting',
    chunk_verified: 'waiting',
    reading: 'waiting',
    sent: 'waiting',
    tick: 'waiting',
  },
  proving: {
    chunk_stored: 'proving',
    chunk_found: 'proving',
    chunk_lost: 'generating',
    challenged: 'proving',
    answered: 'waiting',
    unprovable: 'proving',
    proved: 'answering',
    verdict: 'proving',
    rejected: 'proving',
    chunk_verified: 'proving',
    reading: 'proving',
    sent: 'proving',
    tick: 'proving',
  },
  answering: {
    chunk_stored: 'answering',
    chunk_found: 'answering',
    chunk_lost: 'answering',
    challenged: 'answering',
    answered: 'waiting',
    unprovable: 'answering',
    proved: 'answering',
    verdict: 'waiting',
    rejected: 'proving',
    chunk_verified: 'answering',
    reading: 'answering',
    sent: 'answering',
    tick: 'answering',
  },
};
const CONTRACTS: Record<Phase, Contract> = {
  generating: generating('0.1'),
  waiting: waiting(),
  proving: proving(),
  answering: answering(),
};
const EVENTS: Record<EventType, ContractEvent> = {
  chunk_stored: { type: 'chunk_stored' },
  chunk_found: { type: 'chunk_found' },
  chunk_verified: { type: 'chunk_verified' },
  reading: { type: 'reading', challenge: '0.1' },
  chunk_lost: { type: 'chunk_lost' },
  challenged: challenged('0.1'),
  unprovable: { type: 'unprovable', challenge: '0.1', cause: 'invalid_challenge' },
  proved: { type: 'proved', challenge: '0.1', response: 'r' },
  answered: { type: 'answered', dueAt: DUE, askedAt: T0 + 10, nodeReachable: true, runningSince: T0 + 5 },
  verdict: { type: 'verdict', challenge: '0.1', passed: true },
  rejected: { type: 'rejected', challenge: '0.1' },
  sent: { type: 'sent', challenge: '0.1' },
  tick,
};
const CELLS = PHASES.flatMap((phase) => Object.values(EVENTS).map((event) => ({ phase, event, type: event.type })));

describe('advance', () => {
  it.each(CELLS)('moves from $phase to the phase in the table on $type', ({ phase, event }) => {
    expect(advance(CONTRACTS[phase], event, T0 + 20).contract.phase).toBe(NEXT[phase][event.type]);
  });

  it('starts a contract with its first challenge, due one interval after its acceptance', () => {
    const contract = acceptContract(terms(), '0.7', T0);
    expect(contract).toMatchObject({ phase: 'generating', challenge: '0.7', round: { number: 0 } });
    expect(dueAt(contract)).toBe(DUE);
  });

  it('waits for a challenge if none is open when the chunk is stored', () => {
    expect(advance(generating(), { type: 'chunk_stored' }, T0).contract.phase).toBe('waiting');
  });

  it('settles a passed challenge with its slack', () => {
    const step = advance(answering(), { type: 'verdict', challenge: '0.1', passed: true }, DUE - 7_000);
    expect(step.settlement).toMatchObject({
      slackMs: 7_000,
      entry: { outcome: 'passed', count: 1, round: 0, dueAt: DUE },
    });
    expect(step.contract).toMatchObject({ phase: 'waiting', round: { number: 1, issuedAt: DUE } });
  });

  it.each([
    ['wrong_answer', DUE - 1],
    ['late', DUE + 1],
  ])('settles a negative verdict as %s, depending on the deadline', (outcome, now) => {
    const { settlement } = advance(answering(), { type: 'verdict', challenge: '0.1', passed: false }, now);
    expect(settlement?.entry).toMatchObject({ outcome, cause: 'answer_rejected', count: 1 });
  });

  const on = (contract: Contract, ...events: ContractEvent[]) =>
    events.reduce((held, event) => advance(held, event, T0).contract, contract);
  const reading: ContractEvent = { type: 'reading', challenge: '0.1' };
  const sent: ContractEvent = { type: 'sent', challenge: '0.1' };
  const lost: ContractEvent = { type: 'chunk_lost' };
  it.each<[string, string, Contract, ContractEvent]>([
    ['not_challenged', 'not_listed', waiting(), tick],
    ['missed', 'farmer_stopped', waiting(), restartedTick(DUE)],
    ['missed', 'farmer_stopped', waiting(), restartedTick(DUE - INTERVAL_MS / 4)],
    ['not_challenged', 'not_listed', waiting(), restartedTick(T0 + INTERVAL_MS / 4)],
    ['missed', 'farmer_stopped', proving(), restartedTick(DUE)],
    ['missed', 'chunk_not_generated', generating('0.1'), tick],
    ['missed', 'no_worker', proving(), tick],
    ['missed', 'slow_read', on(proving(), reading), tick],
    ['missed', 'slow_read', on(proving(), reading, { type: 'proved', challenge: '0.1', response: 'r' }), tick],
    ['node_error', 'node_unreachable', waiting(), { ...tick, nodeReachable: false }],
    ['node_error', 'not_acknowledged', answering(), { ...tick, nodeReachable: false }],
    ['node_error', 'not_acknowledged', on(answering(), sent), tick],
    ['chunk_unreadable', 'chunk_lost', on(proving(), lost), tick],
    ['chunk_unreadable', 'chunk_lost', on(proving(), lost, { type: 'chunk_stored' }), tick],
  ])('settles an expired round as %s (%s)', (outcome, cause, contract, event) => {
    const { settlement } = advance(contract, event, DUE);
    expect(settlement?.entry).toMatchObject({ outcome, cause, count: 1, round: 0, dueAt: DUE, settledAt: DUE });
  });

  it('records the timeline of a challenge for the journal', () => {
    const at = [5, 100, 200, 300, 400, 500].map((ms) => T0 + ms);
    const [received = 0, stored = 0, read = 0, hashed = 0, delivered = 0, resent = 0] = at;
    let contract: Contract = acceptContract(terms(), '0.1', received);
    contract = advance(contract, { type: 'chunk_stored' }, stored).contract;
    contract = advance(contract, reading, read).contract;
    contract = advance(contract, { type: 'proved', challenge: '0.1', response: 'r' }, hashed).contract;
    contract = advance(contract, sent, delivered).contract;
    contract = advance(contract, sent, resent).contract;
    const { settlement } = advance(contract, { type: 'verdict', challenge: '0.1', passed: true }, T0 + 600);
    expect(settlement?.entry).toEqual({
      contract: terms().id,
      round: 0,
      count: 1,
      intervalMs: INTERVAL_MS,
      dueAt: DUE,
      settledAt: T0 + 600,
      outcome: 'passed',
      receivedAt: received,
      queuedAt: stored,
      readAt: read,
      hashedAt: hashed,
      sentAt: delivered,
      acknowledgedAt: T0 + 600,
      attempts: 2,
    });
  });

  it('ignores the challenge of a listing that was in flight while its round ended', () => {
    const now = DUE + 2_000;
    const { contract, settlement } = advance(waiting(), challenged('0.1', DUE - 1), now);
    expect(contract).toMatchObject({ phase: 'waiting', round: { number: 1 } });
    expect(settlement?.entry).toMatchObject({ outcome: 'not_challenged', count: 1 });
    expect(advance(contract, challenged('0.2', now + 1), now + 2).contract.phase).toBe('proving');
  });

  it('counts the rounds while the node was unreachable as node errors when the next challenge arrives', () => {
    const now = T0 + 2.5 * INTERVAL_MS;
    const nextChallenge = { ...challenged('0.9', now - 5), nodeReachable: false };
    expect(advance(waiting(), nextChallenge, now).settlement?.entry).toMatchObject({ outcome: 'node_error', count: 2 });
  });

  it('does not settle a round before its deadline', () => {
    expect(advance(proving(), tick, DUE - 1)).toEqual({ contract: proving() });
  });

  it('counts every round that passed while the farmer was stopped', () => {
    const now = T0 + 5.5 * INTERVAL_MS;
    const { contract, settlement } = advance(waiting(), restartedTick(now), now);
    expect(settlement?.entry).toMatchObject({ outcome: 'missed', cause: 'farmer_stopped', count: 5 });
    expect(contract.round).toEqual({ number: 5, issuedAt: T0 + 5 * INTERVAL_MS });
  });

  describe('after the state was lost or restored', () => {
    const restoredAt = T0 + 5.5 * INTERVAL_MS;
    const restored = (): Contract => ({ ...waiting(), unknownUntil: restoredAt });
    const restoredTick = restartedTick(restoredAt);

    it('settles the rounds that began before as unknown, and later ones with their reason', () => {
      const before = advance(restored(), restoredTick, restoredAt);
      expect(before.settlement?.entry).toMatchObject({ outcome: 'unknown', cause: 'state_lost', count: 5 });
      const { contract, settlement } = advance(before.contract, restoredTick, T0 + 8 * INTERVAL_MS);
      expect(settlement?.entry).toMatchObject({ outcome: 'unknown', count: 1, round: 5 });
      const after = advance(contract, restoredTick, T0 + 8 * INTERVAL_MS);
      expect(after.settlement?.entry).toMatchObject({ outcome: 'not_challenged', count: 2, round: 6 });
      expect(after.contract.unknownUntil).toBeUndefined();
    });

    it('settles the current round with its result if the node lists its challenge', () => {
      const { contract, settlement } = advance(restored(), challenged('0.9', restoredAt + 5), restoredAt + 5_000);
      expect(settlement?.entry).toMatchObject({ outcome: 'unknown', count: 5 });
      expect(contract).toMatchObject({ phase: 'proving', round: { number: 5 } });
      expect(advance(contract, restoredTick, T0 + 6 * INTERVAL_MS).settlement?.entry).toMatchObject({
        outcome: 'missed',
        cause: 'no_worker',
        count: 1,
      });
    });

    it('settles failures after the unknown rounds, before it receives a challenge', () => {
      const now = T0 + 8.5 * INTERVAL_MS;
      const outcomes: unknown[] = [];
      let contract: Contract = restored();
      for (let n = 0; n < 3; n++) {
        const step = advance(contract, challenged('0.9', now + n), now + n);
        if (step.settlement) outcomes.push([step.settlement.entry.outcome, step.settlement.entry.count]);
        contract = step.contract;
      }
      expect(outcomes).toEqual([
        ['unknown', 6],
        ['not_challenged', 2],
      ]);
      expect(contract).toMatchObject({ phase: 'proving', round: { number: 8 } });
    });
  });

  it('keeps the outcome of the last round during the next one', () => {
    const passed = advance(answering(), { type: 'verdict', challenge: '0.1', passed: true }, T0).contract;
    expect(passed.last).toBe('passed');
    const { contract } = advance(passed, tick, T0 + 2 * INTERVAL_MS);
    expect(contract.last).toBe('not_challenged');
    expect(advance(contract, challenged('0.9', T0 + 2 * INTERVAL_MS + 1), T0 + 2.5 * INTERVAL_MS).contract.last).toBe(
      'not_challenged',
    );
  });

  it('proves the open challenge after missed rounds', () => {
    const now = T0 + 3.5 * INTERVAL_MS;
    const { contract, settlement } = advance(waiting(1), challenged('0.9', now - 5), now);
    expect(settlement?.entry).toMatchObject({ outcome: 'not_challenged', count: 2 });
    expect(contract).toMatchObject({ phase: 'proving', challenge: '0.9', round: { number: 3 } });
    expect(dueAt(contract)).toBe(T0 + 4 * INTERVAL_MS);
  });

  it('ignores a listing that is older than the last verdict', () => {
    const { contract } = advance(answering(), { type: 'verdict', challenge: '0.1', passed: true }, T0 + 100);
    expect(advance(contract, challenged('0.1', T0 + 99), T0 + 110).contract).toBe(contract);
    expect(advance(contract, challenged('0.2', T0 + 101), T0 + 110).contract.phase).toBe('proving');
  });

  it('answers a challenge once while the node keeps listing it, until it returns as a new one', () => {
    const settledAt = T0 + 100;
    const { contract } = advance(answering('0.1'), { type: 'verdict', challenge: '0.1', passed: true }, settledAt);
    const listed = (askedAt: number, lastAbsentAt?: number) =>
      advance(contract, challenged('0.1', askedAt, lastAbsentAt), askedAt + 10).contract;
    expect(listed(T0 + 200)).toBe(contract);
    expect(listed(T0 + 300, T0 + 200)).toBe(contract);
    expect(listed(DUE + 20_000)).toBe(contract);
    expect(listed(DUE + 20, DUE - 20)).toMatchObject({ phase: 'proving', round: { number: 1 } });
  });

  it('does not answer a challenge after its round, even if the node still lists it', () => {
    const { contract } = advance(proving('0.1'), tick, DUE);
    const listed = (challenge: string, askedAt: number, lastAbsentAt?: number) =>
      advance(contract, challenged(challenge, askedAt, lastAbsentAt), askedAt + 10).contract;
    expect(listed('0.1', DUE + 15_000)).toBe(contract);
    const next = listed('0.2', DUE + 20_000, DUE + 18_000);
    expect(next).toMatchObject({ phase: 'proving', challenge: '0.2', round: { number: 1, issuedAt: DUE + 18_000 } });
    // If the node repeats the same challenge, only this one round is lost.
    const later = advance(contract, tick, DUE + INTERVAL_MS).contract;
    const repeated = advance(later, challenged('0.1', DUE + INTERVAL_MS + 3_000), DUE + INTERVAL_MS + 3_010);
    expect(repeated.contract).toMatchObject({ phase: 'proving', challenge: '0.1', round: { number: 2 } });
  });

  it('settles a challenge that the node replaced before it was answered', () => {
    const { contract, settlement } = advance(proving('0.1'), challenged('0.2', DUE), DUE);
    expect(settlement?.entry).toMatchObject({ outcome: 'missed', cause: 'no_worker', count: 1 });
    expect(contract).toMatchObject({ phase: 'proving', challenge: '0.2', round: { number: 1 } });
  });

  it('ignores a proof and a verdict for an earlier challenge', () => {
    const contract = proving('0.2');
    expect(advance(contract, { type: 'proved', challenge: '0.1', response: 'r' }, T0).contract).toBe(contract);
    const answer = answering('0.2');
    expect(advance(answer, { type: 'verdict', challenge: '0.1', passed: false }, T0)).toEqual({ contract: answer });
  });

  it('moves the deadline when a challenge arrives later than estimated', () => {
    const estimated = waiting(3);
    const seenAt = estimated.round.issuedAt + 26_000;
    const { contract } = advance(estimated, challenged('0.3', seenAt - 5, seenAt - 2_000), seenAt);
    expect(contract.round.issuedAt).toBe(seenAt - 2_000);
    const early = estimated.round.issuedAt - 4_000;
    expect(advance(estimated, challenged('0.3', early - 5, early - 2_000), early).contract.round.issuedAt).toBe(early);
  });

  it('waits for a second listing when a challenge may still be the previous one', () => {
    const contract = waiting(3);
    const now = contract.round.issuedAt + 500;
    expect(advance(contract, challenged('0.3', now - 5), now).contract).toBe(contract);
    expect(advance(contract, challenged('0.3', now - 5, now - 1_000), now).contract.phase).toBe('proving');
    expect(advance(contract, challenged('0.3', now + 2_000), now + 2_000).contract.phase).toBe('proving');
    const { phase: _, ...held } = contract;
    const withoutChunk: Contract = { ...held, phase: 'generating', hadChunk: true };
    expect(advance(withoutChunk, challenged('0.3', now - 5), now).contract).toBe(withoutChunk);
  });

  it('delivers a known response before it rebuilds a lost chunk', () => {
    const { contract } = advance(answering(), lost, T0);
    expect(contract).toMatchObject({ phase: 'answering', response: 'r' });
    const settled = advance(contract, { type: 'verdict', challenge: '0.1', passed: true }, T0 + 1);
    expect(settled.contract).toMatchObject({ phase: 'generating', hadChunk: true, obstacle: 'chunk_unreadable' });
  });

  it('keeps a chunk that is found again while the answer is in flight', () => {
    const away = advance(answering(), lost, T0).contract;
    for (const type of ['chunk_stored', 'chunk_found'] as const) {
      const { contract } = advance(away, { type }, T0 + 1);
      const settled = advance(contract, { type: 'verdict', challenge: '0.1', passed: true }, T0 + 2);
      expect(settled.contract.phase).toBe('waiting');
    }
  });

  it('ignores a settled challenge after a restart', () => {
    const stored = { terms: terms(), round: { number: 1, issuedAt: T0 }, settled: '0.1', hadChunk: true };
    const { contract } = advance(restoreContract(stored), { type: 'chunk_found' }, T0);
    const at = T0 + 10_000;
    expect(advance(contract, challenged('0.1', at - 5), at).contract).toBe(contract);
    expect(advance(contract, challenged('0.2', at - 5), at).contract.phase).toBe('proving');
    expect(advance(contract, challenged('0.1', at - 5, at - 1_000), at).contract.phase).toBe('proving');
  });

  it('remembers in generating whether the chunk existed before', () => {
    expect(acceptContract(terms(), '0.1', T0)).toMatchObject({ hadChunk: false });
    expect(advance(waiting(), lost, T0).contract).toMatchObject({ phase: 'generating', hadChunk: true });
    const round = { number: 3, issuedAt: T0 };
    for (const hadChunk of [true, false]) {
      const restored = restoreContract({ terms: terms(), round, hadChunk });
      expect(restored).toMatchObject({ phase: 'generating', hadChunk });
      expect(advance(restored, { type: 'chunk_found' }, T0).contract).toMatchObject({ phase: 'waiting', round });
    }
  });

  it('distinguishes a chunk that was lost before a restart from one that was never generated', () => {
    const round = { number: 3, issuedAt: T0 };
    const restored = (hadChunk: boolean) => restoreContract({ terms: terms(), round, hadChunk });
    const over = (hadChunk: boolean) =>
      advance(advance(restored(hadChunk), lost, T0).contract, tick, DUE).settlement?.entry;
    expect(over(true)).toMatchObject({ outcome: 'chunk_unreadable', cause: 'chunk_lost' });
    expect(over(false)).toMatchObject({ outcome: 'missed', cause: 'chunk_not_generated' });
    const unlisted = advance(restored(true), tick, DUE).settlement;
    expect(unlisted?.entry).toMatchObject({ outcome: 'chunk_unreadable', cause: 'chunk_lost' });
  });

  it('remembers when the chunk was last verified', () => {
    const { contract } = advance(waiting(), { type: 'chunk_verified' }, T0 + 5);
    expect(contract.verifiedAt).toBe(T0 + 5);
    expect(advance(contract, challenged('0.1', T0 + 6), T0 + 7).contract.verifiedAt).toBe(T0 + 5);
    const away = advance(contract, lost, T0 + 6).contract;
    expect(away.verifiedAt).toBeUndefined();
    expect(advance(away, { type: 'chunk_stored' }, T0 + 7).contract.verifiedAt).toBe(T0 + 7);
    // The chunk was found, but not read.
    expect(advance(away, { type: 'chunk_found' }, T0 + 7).contract).toMatchObject({
      phase: 'waiting',
      verifiedAt: undefined,
    });
  });

  it('settles every round in order, for any sequence of events', () => {
    const event = fc.oneof(
      ...Object.values(EVENTS).map((fixed) => fc.constant(fixed)),
      fc.constantFrom('0.1', '0.2', '0.3').map((challenge) => challenged(challenge, T0 + 10 ** 9)),
      fc.constant<ContractEvent>({ type: 'verdict', challenge: '0.1', passed: false }),
    );
    const history = fc.array(fc.tuple(event, fc.nat(2 * INTERVAL_MS)), { maxLength: 40, size: 'max' });
    fc.assert(
      fc.property(history, (events) => {
        let contract: Contract = acceptContract(terms(), '0.1', T0);
        let now = T0;
        let settled = 0;
        for (const [each, pause] of events) {
          now += pause;
          const step = advance(contract, each, now);
          if (step.settlement) settled += step.settlement.entry.count;
          expect(step.contract.round.number).toBe(settled);
          expect(step.contract.terms).toEqual(contract.terms);
          contract = step.contract;
        }
        const end = advance(contract, tick, now).contract;
        expect(dueAt(end)).toBeGreaterThan(now);
      }),
    );
  });
});
