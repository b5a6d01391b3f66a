import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Farm } from './farm.ts';

describe('a farm that grows and shrinks', () => {
  let farm: Farm;
  beforeAll(async () => {
    farm = await Farm.start('scale');
    await farm.untilChallengePassed('farmer-0');
  });
  afterAll(async () => await farm?.remove());

  const countContracts = async () => await farm.withNode(async (node) => (await node.listContracts()).length);

  it('starts more farmers without a restart of the others', async () => {
    const { metadata } = await farm.getPod('farmer-0');
    await farm.apply({ farmers: 2 });
    await farm.rollout();
    await farm.untilChallengePassed('farmer-1');
    expect((await farm.getPod('farmer-0')).metadata?.uid).toBe(metadata?.uid);
  });

  it('releases the contracts of a farmer that leaves, whose pod can then go', async () => {
    const text = await farm.downstream('farmer-1', ['exit', '--yes'], { timeoutMs: 120_000 });
    expect(text).toContain('exit complete');
    expect(await farm.listContracts('farmer-1')).toEqual([]);
    const held = (await farm.listContracts('farmer-0')).length;
    expect(await countContracts()).toBe(held);

    await farm.apply({ farmers: 1 });
    await farm.kubectl(['wait', '--for=delete', 'pod/farmer-1', '--timeout=60s']);
    // The claim stays until it is deleted.
    expect(await farm.kubectl(['get', 'pvc', '--output=name'])).toContain('data-farmer-1');
    await farm.untilChallengePassed('farmer-0');
  });

  it('does not farm again with a volume that has left', async () => {
    await farm.apply({ farmers: 2 });
    await farm.waitForPod('farmer-1', 'ContainersReady');
    expect(await farm.listContracts('farmer-1')).toEqual([]);
    expect(await farm.downstream('farmer-1', ['exit', '--yes'])).toContain('exit complete');
  });
});
