import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Farm } from './farm.ts';
import { withPortForward } from './port-forward.ts';
import { until } from './until.ts';

describe('a farm of the dev overlay', () => {
  let farm: Farm;
  beforeAll(async () => {
    farm = await Farm.create('start');
  });
  afterAll(async () => await farm?.remove());

  it('is applied without warnings, becomes ready and passes challenges', async () => {
    expect((await farm.apply()).stderr).toBe('');
    await farm.rollout();
    await farm.untilChallengePassed('farmer-0');
  });

  it('shows its page, runs commands and logs in JSON', async () => {
    const page = await withPortForward(
      { namespace: farm.namespace, pod: 'farmer-0', port: 8080 },
      async (url) => await (await fetch(url)).text(),
    );
    expect(page).toContain('farmer-0');
    expect(await farm.downstream('farmer-0', ['status'])).toContain('farmer-0');
    const log = await farm.kubectl(['logs', 'farmer-0', '--tail=20']);
    expect(log.split('\n').map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: expect.any(String), message: expect.any(String) }),
    );
  });

  it('keeps token and contracts when its pod is deleted', async () => {
    const before = await farm.fetchStatus('farmer-0');
    const contracts = await farm.listContracts('farmer-0');
    const { metadata } = await farm.getPod('farmer-0');
    await farm.kubectl(['delete', 'pod', 'farmer-0']);
    await farm.untilPod('another pod', 'farmer-0', (pod) => pod.metadata?.uid !== metadata?.uid);
    await farm.waitForPod('farmer-0');
    expect((await farm.fetchStatus('farmer-0')).nodes[0]?.farmerId).toBe(before.nodes[0]?.farmerId);
    expect(await farm.listContracts('farmer-0')).toEqual(expect.arrayContaining(contracts));
    await farm.untilChallengePassed('farmer-0');
  });

  it('keeps its contracts while the node is away, as the node does', async () => {
    const contracts = await farm.listContracts('farmer-0');
    await farm.kubectl(['scale', 'statefulset/mock-node', '--replicas=0']);
    await farm.kubectl(['wait', '--for=delete', 'pod/mock-node-0', '--timeout=60s']);
    await until(
      'the farmer to wait for its node',
      async () => (await farm.fetchStatus('farmer-0')).nodes[0]?.waiting,
      (waiting) => waiting !== null,
    );
    await farm.kubectl(['scale', 'statefulset/mock-node', '--replicas=1']);
    await farm.waitForPod('mock-node-0');
    await farm.untilChallengePassed('farmer-0');
    expect(await farm.listContracts('farmer-0')).toEqual(expect.arrayContaining(contracts));
    // The liveness probe does not depend on the node.
    const { status } = await farm.getPod('farmer-0');
    expect(status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });
});
