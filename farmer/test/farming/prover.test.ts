import { describe, expect, it } from '@jest/globals';
import { ChunkError } from '../../src/farming/errors.ts';
import { INTERVAL_MS, makeId } from '../fakes/builders.ts';
import { aFarmer } from '../fakes/fake-farmer.ts';

const SECOND = 1_000;
const exhausted = new ChunkError('exhausted', 'no more file descriptors', { cause: 'EMFILE' });

describe('Prover', () => {
  it('retries a read after resource exhaustion, without rebuilding the chunk', async () => {
    const { start, clock, chunks, outcomes, log } = aFarmer({ contracts: 1 });
    let tries = 0;
    chunks.proofTime = async () => {
      tries += 1;
      if (tries <= 3) throw exhausted;
    };
    start();
    await clock.advance(5 * SECOND);
    expect({ tries, passes: outcomes.passes.length, created: chunks.created }).toEqual({
      tries: 4,
      passes: 1,
      created: [makeId(1)],
    });
    expect(log.messages('warn')).toEqual(Array(3).fill('chunk read deferred: resource limit reached'));
    expect(log.messages('error')).toEqual([]);
  });

  it('retries until the deadline with pauses, and again for the next challenge', async () => {
    const { start, clock, chunks, table, outcomes } = aFarmer({ contracts: 1 });
    let tries = 0;
    chunks.proofTime = async () => {
      tries += 1;
      if (tries < 1_000) throw exhausted;
    };
    start();
    await clock.advance(INTERVAL_MS + 5 * SECOND);
    expect(tries).toBeGreaterThan(60);
    expect(tries).toBeLessThan(110);
    expect(outcomes.failures).toEqual([{ reason: 'missed', count: 1 }]);
    expect(table.get(makeId(1))?.phase).toBe('proving');
    chunks.proofTime = async () => {};
    await clock.advance(5 * SECOND);
    expect({ passes: outcomes.passes.length, created: chunks.created }).toEqual({ passes: 1, created: [makeId(1)] });
  });
});
