import { describe, expect, it } from '@jest/globals';
import { measureElapsedMs } from '../src/boot-time.ts';

describe('measureElapsedMs', () => {
  const boot = { bootId: 'a', uptimeMs: 5_000 };

  it.each([
    ['the same boot', boot, { bootId: 'a', uptimeMs: 7_500 }, 2_500],
    ['another boot', boot, { bootId: 'b', uptimeMs: 7_500 }, undefined],
    ['an uptime that starts with a container', boot, { bootId: 'a', uptimeMs: 100 }, undefined],
    ['an unknown boot', undefined, boot, undefined],
  ])('compares with %s', (_, from, to, expected) => {
    expect(measureElapsedMs(from, to)).toBe(expected);
  });
});
