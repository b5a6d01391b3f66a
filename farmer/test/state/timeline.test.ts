import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { claimNode, contract, StateDir } from '../fakes/state-dir.ts';

const HOUR = 3_600_000;

/** The clock of a process that starts at `uptimeMs` on a machine whose clock may be wrong. */
function createClock({ wallMs, uptimeMs, bootId = 'boot' }: { wallMs: number; uptimeMs: number; bootId?: string }) {
  const clock = new FakeClock(wallMs);
  clock.bootTime = () => ({ bootId, uptimeMs: uptimeMs + clock.now() - wallMs });
  return clock;
}

describe('The time scale of the rounds', () => {
  const dir = new StateDir();
  const T1 = Date.UTC(2031, 0, 1);

  /** Runs for 15 s, is stopped for 5 s, and returns how old the round of a contract is for the next process. */
  const readAge = (first: FakeClock, second: FakeClock, node = { minMs: 1_000, maxMs: 2_000 }) => {
    dir.clock = first;
    const startedAt = first.now();
    const before = claimNode(dir.open());
    before.saveClockOffsets({ wallMs: 0, node });
    const stored = contract(1);
    before.insert({
      ...stored,
      terms: { ...stored.terms, acceptedAt: startedAt },
      round: { number: 0, issuedAt: startedAt },
    });
    dir.close();
    dir.clock = second;
    const after = claimNode(dir.open());
    const [found] = after.contracts();
    const now = second.now();
    return {
      ageMs: now - (found?.round.issuedAt ?? Number.NaN),
      offsets: after.clockOffsets(),
    };
  };

  it.each([0, 2 * HOUR, -2 * HOUR])(
    'continues by the uptime if the system clock was wrong by %i ms before the restart',
    (wrongByMs) => {
      const first = createClock({ wallMs: T1 + wrongByMs, uptimeMs: 1_000 });
      const second = createClock({ wallMs: T1 + 20_000, uptimeMs: 21_000 });
      expect(readAge(first, second)).toEqual({
        ageMs: 20_000,
        offsets: { wallMs: wrongByMs, node: { minMs: wrongByMs + 1_000, maxMs: wrongByMs + 2_000 } },
      });
    },
  );

  it('adds no time that is not certain if the machine was restarted', () => {
    const first = createClock({ wallMs: T1, uptimeMs: 9_000_000 });
    const second = createClock({ wallMs: T1 + HOUR, uptimeMs: 10_000, bootId: 'next boot' });
    expect(readAge(first, second)).toEqual({
      ageMs: 0,
      offsets: { wallMs: -HOUR, node: { minMs: 1_000 - HOUR, maxMs: 2_000 - HOUR } },
    });
  });

  it('is that of the system clock in a state without a mark', () => {
    dir.clock = createClock({ wallMs: T1, uptimeMs: 0 });
    claimNode(dir.open()).insert(contract(1));
    dir.close();
    dir.clock = createClock({ wallMs: T1 + HOUR, uptimeMs: 0, bootId: 'next boot' });
    expect(claimNode(dir.open()).contracts()).toMatchObject([contract(1)]);
  });
});
