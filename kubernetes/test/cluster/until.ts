import { expect } from '@jest/globals';
import { eventually } from '../../../integration/src/eventually.ts';

/** Polls the cluster until a value satisfies a condition. Each reading runs kubectl, so it polls slowly. */
export async function until<T>(
  what: string,
  read: () => Promise<T>,
  isDone: (value: T) => boolean,
  withinMs = 90_000,
): Promise<T> {
  return await eventually(what, read, isDone, { withinMs, pollIntervalMs: 1_000 });
}

/** Like {@link until}, until a value equals another one. */
export async function untilEqual<T>(
  what: string,
  read: () => Promise<T>,
  expected: T,
  withinMs?: number,
): Promise<void> {
  // Not `isDeepStrictEqual`: arrays in responses of `fetch` do not have the prototype of a test's arrays.
  const isEqual = (value: T) => {
    try {
      expect(value).toEqual(expected);
      return true;
    } catch {
      return false;
    }
  };
  await until(what, read, isEqual, withinMs);
}
