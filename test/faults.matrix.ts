import { afterAll, describe, it } from '@jest/globals';
import { matrixText, ROWS, type Row } from './faults/matrix.ts';
import { Pairs } from './faults/pairs.ts';
import { goThrough, type Seen } from './faults/trial.ts';

describe('a farmer, whatever its node does', () => {
  const pairs = new Pairs();
  const seen = new Map<Row, Seen>();

  it.concurrent.each([...ROWS])(
    'keeps what it promises: $fault on $on',
    async (row) => {
      seen.set(row, await goThrough(row.trial, pairs));
    },
    90_000,
  );

  afterAll(async () => {
    process.stdout.write(`\nThe farmer × fault matrix\n\n${matrixText(seen)}\n`);
    await pairs[Symbol.asyncDispose]();
  });
});
