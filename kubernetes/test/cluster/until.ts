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
