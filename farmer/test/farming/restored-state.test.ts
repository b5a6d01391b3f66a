import { describe, expect, it } from '@jest/globals';
import { INTERVAL_MS } from '../fakes/builders.ts';
import { aFarmer, MemoryStore } from '../fakes/fake-farmer.ts';

const CONTRACTS = 3;

/** Runs a farmer for some rounds, and stops it after its open challenges passed. */
async function runFarmer() {
  const before = aFarmer({ contracts: CONTRACTS });
  before.start();
  await before.clock.advance(2.2 * INTERVAL_MS);
  const older = [...before.store.rows];
  await before.clock.advance(4.5 * INTERVAL_MS);
  await before.farmer.stop();
  return { ...before, older };
}

/** A farmer with the state that was stored after two rounds. */
function restore({ node, chunks, older }: Awaited<ReturnType<typeof runFarmer>>) {
  const store = new MemoryStore();
  for (const [id, row] of older) store.rows.set(id, { ...row, isUnknown: true });
  store.saved = node.token;
  return aFarmer({ contracts: CONTRACTS, node, chunks, store });
}

describe('After an older state was restored, the farmer', () => {
  it('counts no failure, although it knows nothing of the rounds that passed since', async () => {
    const { clock, outcomes, farmer, start, store } = restore(await runFarmer());
    start();
    await clock.advance(2.5 * INTERVAL_MS);
    await farmer.stop();
    expect({ failures: outcomes.failures, unknown: outcomes.unknown }).toEqual({
      failures: [],
      unknown: 4 * CONTRACTS,
    });
    expect(outcomes.passes).toHaveLength(3 * CONTRACTS);
    expect(store.tally()).toMatchObject({ passed: 3 * CONTRACTS, missed: 0, not_challenged: 0 });
  });

  it('counts a failure of a round in which the node listed the challenge', async () => {
    const before = await runFarmer();
    await before.clock.advance(INTERVAL_MS);
    const { clock, node, chunks, outcomes, start } = restore(before);
    for (const id of chunks.present) chunks.present.delete(id);
    chunks.createTime = async () => await clock.sleep(10 * INTERVAL_MS);
    start();
    await clock.advance(INTERVAL_MS);
    expect(outcomes.failures).toEqual(Array.from({ length: CONTRACTS }, () => expect.objectContaining({ count: 1 })));
    expect(outcomes.unknown).toBe(4 * CONTRACTS);
    expect(node.wrong).toEqual([]);
  });

  it('still does not know the current round after another restart', async () => {
    const first = restore(await runFarmer());
    first.start();
    await first.clock.advance(1_000);
    await first.farmer.stop();
    const { clock, outcomes, start } = aFarmer({ ...first, contracts: CONTRACTS });
    start();
    await clock.advance(INTERVAL_MS / 2);
    expect({ failures: outcomes.failures, unknown: outcomes.unknown }).toEqual({ failures: [], unknown: CONTRACTS });
  });
});
