import { afterAll, describe, it } from '@jest/globals';
import { START_FARMER } from './faults/environments.ts';
import { FarmPool } from './faults/farm-pool.ts';
import { formatMatrix, ROWS, type Row } from './faults/matrix.ts';
import { type Observation, runTrial } from './faults/trial.ts';

describe('the farmer', () => {
  const pools = {
    node: new FarmPool(START_FARMER.node),
    v1: new FarmPool(START_FARMER.v1, { api: 'v1' }),
    network: new FarmPool(START_FARMER.network),
    process: new FarmPool(START_FARMER.process),
    terminal: new FarmPool(START_FARMER.terminal),
    clock: new FarmPool(START_FARMER.clock),
  };
  const seen = new Map<Row, Observation>();

  it.concurrent.each([...ROWS])(
    'has the expected outcome with $fault on $on',
    async (row) => {
      seen.set(row, await run(row));
    },
    90_000,
  );

  afterAll(async () => {
    process.stdout.write(`\nThe farmer × fault matrix\n\n${formatMatrix(seen)}\n`);
    for (const pool of Object.values(pools)) await pool[Symbol.asyncDispose]();
  });

  async function run(row: Row): Promise<Observation> {
    switch (row.environment) {
      case 'node':
        return await runTrial(row.trial, pools.node);
      case 'v1':
        return await runTrial(row.trial, pools.v1);
      case 'network':
        return await runTrial(row.trial, pools.network);
      case 'process':
        return await runTrial(row.trial, pools.process);
      case 'terminal':
        return await runTrial(row.trial, pools.terminal);
      case 'clock':
        return await runTrial(row.trial, pools.clock);
    }
  }
});
