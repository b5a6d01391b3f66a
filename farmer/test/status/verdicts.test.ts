import { describe, expect, it } from '@jest/globals';
import { Verdicts } from '../../src/status/verdicts.ts';

const passed = { outcome: 'passed' } as const;
const rejected = { outcome: 'wrong_answer', cause: 'answer_rejected' } as const;
const missed = { outcome: 'missed', cause: 'farmer_stopped' } as const;
const areNegative = (...rounds: Parameters<Verdicts['record']>[0][]) => {
  const verdicts = new Verdicts();
  for (const one of rounds) verdicts.record(one);
  return verdicts.areNegative;
};

describe('Verdicts', () => {
  it('are negative when the last three answers were rejected, until one passes', () => {
    expect(areNegative()).toBe(false);
    expect(areNegative(passed, rejected, rejected)).toBe(false);
    expect(areNegative(passed, rejected, rejected, rejected)).toBe(true);
    expect(areNegative(rejected, rejected, rejected, passed)).toBe(false);
  });

  it('ignore challenges that were not answered', () => {
    expect(areNegative(missed, missed, missed)).toBe(false);
    expect(areNegative(rejected, missed, rejected, missed, rejected)).toBe(true);
  });
});
