import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Farm } from './farm.ts';
import { IMAGES, WRONG_PROOFS_TAG } from './images.ts';
import { until } from './until.ts';

const FARMERS = ['farmer-0', 'farmer-1', 'farmer-2'];
const IMAGE = IMAGES['downstream-farmer'];

describe('three farmers', () => {
  let farm: Farm;
  beforeAll(async () => {
    // More than three intervals plus 15 seconds, as the guide says: time for the node to judge the first answers.
    farm = await Farm.start('rollout', { farmers: 3, intervalSeconds: 5, minReadySeconds: 40 });
    for (const pod of FARMERS) await farm.untilChallengePassed(pod);
  });
  afterAll(async () => await farm?.remove());

  const listImages = async () =>
    await Promise.all(
      FARMERS.map(async (pod) => {
        const { spec, status } = await farm.getPod(pod);
        return { image: spec?.containers[0]?.image, ready: status?.containerStatuses?.[0]?.ready };
      }),
    );
  const countWrong = async (pod: string) =>
    (await farm.scrape(pod)).byLabel('farmer_challenges_failed_total', 'reason')['wrong_answer'] ?? 0;

  it('restart one by one and keep their contracts', async () => {
    const before = await Promise.all(FARMERS.map(async (pod) => await farm.listContracts(pod)));
    await farm.kubectl(['rollout', 'restart', 'statefulset/farmer']);
    await farm.rollout(240);
    const after = await Promise.all(FARMERS.map(async (pod) => await farm.listContracts(pod)));
    // They may have accepted more.
    expect(after).toEqual(before.map((contracts) => expect.arrayContaining(contracts)));
    for (const pod of FARMERS) {
      await farm.untilChallengePassed(pod);
      expect(await countWrong(pod)).toBe(0);
    }
  });

  it('stop a build whose proofs are wrong at the first pod, and undo it', async () => {
    await farm.apply({ farmerTag: WRONG_PROOFS_TAG });
    await farm.untilPod('the updated pod', 'farmer-2', ({ spec }) =>
      Boolean(spec?.containers[0]?.image?.endsWith(WRONG_PROOFS_TAG)),
    );
    await until(
      'the node to reject its answers',
      async () => await countWrong('farmer-2'),
      (n) => n >= 3,
    );
    await farm.waitForPod('farmer-2', 'Ready=false');
    expect(await farm.tryKubectl(['rollout', 'status', 'statefulset/farmer', '--timeout=30s'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('timed out'),
    });
    expect((await listImages()).slice(0, 2)).toEqual(new Array(2).fill({ image: IMAGE, ready: true }));

    await farm.kubectl(['rollout', 'undo', 'statefulset/farmer']);
    await farm.rollout(240);
    expect(await listImages()).toEqual(new Array(3).fill({ image: IMAGE, ready: true }));
    await farm.untilChallengePassed('farmer-2');
  });

  it('stop a wrong setting at the first pod, show it, and undo it', async () => {
    await farm.apply({ farmerTag: 'cluster-test', settings: { FARMER_WORKERS: 'many' } });
    const pod = await farm.untilPod('the message', 'farmer-2', ({ status }) =>
      Boolean(status?.containerStatuses?.[0]?.lastState?.terminated?.message),
    );
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated?.message).toContain('FARMER_WORKERS');
    expect(await farm.kubectl(['describe', 'pod', 'farmer-2'])).toMatch(/Message: .*FARMER_WORKERS/);
    expect((await listImages()).slice(0, 2)).toEqual(new Array(2).fill({ image: IMAGE, ready: true }));
    await farm.kubectl(['rollout', 'undo', 'statefulset/farmer']);
    await farm.rollout(240);
  });
});
