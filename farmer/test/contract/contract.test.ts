import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  advance,
  type Contract,
  type ContractEvent,
  dueAt,
  PHASES,
  type Phase,
  take,
} from '../../src/contract/contract.ts';
import { answering, generating, INTERVAL_MS, proving, T0, terms, waiting } from '../fakes/builders.ts';

const DUE = T0 + INTERVAL_MS;
const asked = (challenge: string, askedAt = T0 + 10, notListedAt?: number): ContractEvent => ({
  type: 'challenged',
  challenge,
  askedAt,
  notListedAt,
  nodeReachable: true,
});
const tick: ContractEvent = { type: 'tick', nodeReachable: true };

/** Every phase against every event, where nothing special is the case: the compiler asks for a missing cell. */
const NEXT: Record<Phase, Record<ContractEvent['type'], Phase>> = {
  generating: {
    chunk_stored: 'proving',
    chunk_lost: 'generating',
    challenged: 'generating',
    proved: 'generating',
    verdict: 'generating',
    sent: 'generating',
    tick: 'generating',
  },
  waiting: {
    chunk_stored: 'waiting',
    chunk_lost: 'generating',
    challenged: 'proving',
    proved: 'waiting',
    verdict: 'waiting',
    sent: 'waiting',
    tick: 'waiting',
  },
  proving: {
    chunk_stored: 'proving',
    chunk_lost: 'generating',
    challenged: 'proving',
    proved: 'answering',
    verdict: 'proving',
    sent: 'proving',
    tick: 'proving',
  },
  answering: {
    chunk_stored: 'answering',
    chunk_lost: 'answering',
    challenged: 'answering',
    proved: 'answering',
    verdict: 'waiting',
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
const EVENTS: Record<ContractEvent['type'], ContractEvent> = {
  chunk_stored: { type: 'chunk_stored' },
  chunk_lost: { type: 'chunk_lost' },
  challenged: asked('0.1'),
  proved: { type: 'proved', challenge: '0.1', response: 'r' },
  verdict: { type: 'verdict', challenge: '0.1', passed: true },
  sent: { type: 'sent', challenge: '0.1' },
  tick,
};
const CELLS = PHASES.flatMap((phase) => Object.values(EVENTS).map((event) => ({ phase, event, type: event.type })));

describe('a contract', () => {
  it.each(CELLS)('in phase $phase goes on as the table says on $type', ({ phase, event }) => {
    expect(advance(CONTRACTS[phase], event, T0 + 20).contract.phase).toBe(NEXT[phase][event.type]);
  });

  it('begins with its first challenge, due one interval after it was taken', () => {
    const contract = take(terms(), '0.7');
    expect(contract).toMatchObject({ phase: 'generating', challenge: '0.7', round: { number: 0 } });
    expect(dueAt(contract)).toBe(DUE);
  });

  it('waits for a challenge when its chunk is there and the first one is not known', () => {
    expect(advance(generating(), { type: 'chunk_stored' }, T0).contract.phase).toBe('waiting');
  });

  it('passes, with the time that was left', () => {
    const step = advance(answering(), { type: 'verdict', challenge: '0.1', passed: true }, DUE - 7_000);
    expect(step.settlement).toEqual({ result: 'passed', slackMs: 7_000 });
    expect(step.contract).toMatchObject({ phase: 'waiting', round: { number: 1, issuedAt: DUE } });
  });

  it.each([
    ['wrong_answer', DUE - 1],
    ['late', DUE + 1],
  ])('that the node fails counts as %s, by the deadline', (reason, now) => {
    const { settlement } = advance(answering(), { type: 'verdict', challenge: '0.1', passed: false }, now);
    expect(settlement).toMatchObject({ result: 'failed', reason, count: 1 });
  });

  it.each<[string, Contract, boolean]>([
    ['missed', waiting(), true],
    ['missed', proving(), true],
    ['node_error', waiting(), false],
    ['node_error', advance(answering(), { type: 'sent', challenge: '0.1' }, T0).contract, true],
    ['chunk_unreadable', advance(proving(), { type: 'chunk_lost' }, T0).contract, true],
  ])('that runs out of time fails as %s, for what stood in the way', (reason, contract, nodeReachable) => {
    const { settlement } = advance(contract, { type: 'tick', nodeReachable }, DUE);
    expect(settlement).toEqual({ result: 'failed', reason, count: 1 });
  });

  it('leaves the challenge of a listing that was on its way while a round ended: it is over', () => {
    const now = DUE + 2_000;
    const { contract, settlement } = advance(waiting(), asked('0.1', DUE - 1), now);
    expect(contract).toMatchObject({ phase: 'waiting', round: { number: 1 } });
    expect(settlement).toEqual({ result: 'failed', reason: 'missed', count: 1 });
    expect(advance(contract, asked('0.2', now + 1), now + 2).contract.phase).toBe('proving');
  });

  it('that is challenged anew after a silence has lost the rounds in between to the node', () => {
    const now = T0 + 2.5 * INTERVAL_MS;
    const heardAgain = { type: 'challenged', challenge: '0.9', askedAt: now - 5, nodeReachable: false } as const;
    expect(advance(waiting(), heardAgain, now).settlement).toEqual({
      result: 'failed',
      reason: 'node_error',
      count: 2,
    });
  });

  it('is not over a moment before it is due', () => {
    expect(advance(proving(), tick, DUE - 1)).toEqual({ contract: proving() });
  });

  it('counts every round that went by while the farmer was away', () => {
    const { contract, settlement } = advance(waiting(), tick, T0 + 5.5 * INTERVAL_MS);
    expect(settlement).toEqual({ result: 'failed', reason: 'missed', count: 5 });
    expect(contract.round).toEqual({ number: 5, issuedAt: T0 + 5 * INTERVAL_MS });
  });

  it('remembers how its last round came out, through the next one', () => {
    const passed = advance(answering(), { type: 'verdict', challenge: '0.1', passed: true }, T0).contract;
    expect(passed.last).toBe('passed');
    const { contract } = advance(passed, tick, T0 + 2 * INTERVAL_MS);
    expect(contract.last).toBe('missed');
    expect(advance(contract, asked('0.9', T0 + 2 * INTERVAL_MS + 1), T0 + 2.5 * INTERVAL_MS).contract.last).toBe(
      'missed',
    );
  });

  it('goes straight to the challenge that is open after rounds were missed', () => {
    const now = T0 + 3.5 * INTERVAL_MS;
    const { contract, settlement } = advance(waiting(1), asked('0.9', now - 5), now);
    expect(settlement).toEqual({ result: 'failed', reason: 'missed', count: 2 });
    expect(contract).toMatchObject({ phase: 'proving', challenge: '0.9', round: { number: 3 } });
    expect(dueAt(contract)).toBe(T0 + 4 * INTERVAL_MS);
  });

  it('ignores a listing that is older than its last verdict', () => {
    const { contract } = advance(answering(), { type: 'verdict', challenge: '0.1', passed: true }, T0 + 100);
    expect(advance(contract, asked('0.1', T0 + 99), T0 + 110).contract).toBe(contract);
    expect(advance(contract, asked('0.2', T0 + 101), T0 + 110).contract.phase).toBe('proving');
  });

  it('answers a challenge once, though the node goes on listing it, until it comes again as a new one', () => {
    const settledAt = T0 + 100;
    const { contract } = advance(answering('0.1'), { type: 'verdict', challenge: '0.1', passed: true }, settledAt);
    const listed = (askedAt: number, notListedAt?: number) =>
      advance(contract, asked('0.1', askedAt, notListedAt), askedAt + 10).contract;
    expect(listed(T0 + 200)).toBe(contract);
    expect(listed(T0 + 300, T0 + 200)).toBe(contract);
    expect(listed(DUE + 20_000)).toBe(contract);
    expect(listed(DUE + 20, DUE - 20)).toMatchObject({ phase: 'proving', round: { number: 1 } });
  });

  it('counts a challenge that the node replaced before it was answered', () => {
    const { contract, settlement } = advance(proving('0.1'), asked('0.2', DUE), DUE);
    expect(settlement).toEqual({ result: 'failed', reason: 'missed', count: 1 });
    expect(contract).toMatchObject({ phase: 'proving', challenge: '0.2', round: { number: 1 } });
  });

  it('ignores a proof and a verdict for a challenge that is over', () => {
    const contract = proving('0.2');
    expect(advance(contract, { type: 'proved', challenge: '0.1', response: 'r' }, T0).contract).toBe(contract);
    const answer = answering('0.2');
    expect(advance(answer, { type: 'verdict', challenge: '0.1', passed: false }, T0)).toEqual({ contract: answer });
  });

  it("follows the node's clock: a challenge that came later than reckoned moves the deadline", () => {
    const reckoned = waiting(3);
    const seenAt = reckoned.round.issuedAt + 26_000;
    const { contract } = advance(reckoned, asked('0.3', seenAt - 5, seenAt - 2_000), seenAt);
    expect(contract.round.issuedAt).toBe(seenAt - 2_000);
    const early = reckoned.round.issuedAt - 4_000;
    expect(advance(reckoned, asked('0.3', early - 5, early - 2_000), early).contract.round.issuedAt).toBe(early);
  });

  it('waits for a second listing when a challenge may still be the one before', () => {
    const contract = waiting(3);
    const now = contract.round.issuedAt + 500;
    expect(advance(contract, asked('0.3', now - 5), now).contract).toBe(contract);
    expect(advance(contract, asked('0.3', now - 5, now - 1_000), now).contract.phase).toBe('proving');
    expect(advance(contract, asked('0.3', now + 2_000), now + 2_000).contract.phase).toBe('proving');
  });

  it('keeps a response that is made when the chunk is lost', () => {
    expect(advance(answering(), { type: 'chunk_lost' }, T0).contract).toEqual(answering());
  });

  it('never loses a round and never goes back, whatever happens in whatever order', () => {
    const event = fc.oneof(
      ...Object.values(EVENTS).map((fixed) => fc.constant(fixed)),
      fc.constantFrom('0.1', '0.2', '0.3').map((challenge) => asked(challenge, T0 + 10 ** 9)),
      fc.constant<ContractEvent>({ type: 'verdict', challenge: '0.1', passed: false }),
    );
    const history = fc.array(fc.tuple(event, fc.nat(2 * INTERVAL_MS)), { maxLength: 40 });
    fc.assert(
      fc.property(history, (events) => {
        let contract: Contract = take(terms(), '0.1');
        let now = T0;
        let settled = 0;
        for (const [each, pause] of events) {
          now += pause;
          const step = advance(contract, each, now);
          if (step.settlement) settled += step.settlement.result === 'passed' ? 1 : step.settlement.count;
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
