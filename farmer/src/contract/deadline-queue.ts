import type { Instant } from '@downstream/platform';
import TinyQueue from 'tinyqueue';

export interface Deadline<T> {
  readonly dueAt: Instant;
  readonly value: T;
}

/** Values by deadline, earliest first: a binary heap. */
export class DeadlineQueue<T> extends TinyQueue<Deadline<T>> {
  constructor(deadlines: Deadline<T>[] = []) {
    super(deadlines, (a, b) => a.dueAt - b.dueAt);
  }
}
