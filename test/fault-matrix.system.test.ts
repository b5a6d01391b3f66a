import { afterAll, describe, it } from '@jest/globals';
import { FarmPool } from './faults/farm-pool.ts';
import { formatMatrix, ROWS, type Row } from './faults/matrix.ts';
import { type Observation, runTrial } from './faults/trial.ts';

describe('the farmer', () => {
  const pairs = new FarmPool();
  const seen = new Map<Row, Observation>();

  it.concurrent.each([...ROWS])(
    'has the expected outcome with $fault on $on',
    async (row) => {
      seen.set(row, await runTrial(row.trial, pairs));
    },
    90_000,
  );

  afterAll(async () => {
    process.stdout.write(`\nThe farmer × fault matrix\n\n${formatMatrix(seen)}\n`);
    await pairs[Symbol.asyncDispose]();
  });
});
