import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { getOnlyContainer, listPods, render, resolveEnvironment } from '../../kubernetes/test/render.ts';
import { describeWith } from '../../test/support/tools.ts';
import { docker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { IMAGES, LABEL_OPTIONS, NETWORK_PREFIX } from '../src/images.ts';
import { Pod } from '../src/pod.ts';
import { fetchFarmerStatus, fetchJson, scrape } from '../src/scrape.ts';

const id = randomBytes(4).toString('hex');
const network = `${NETWORK_PREFIX}${id}`;
const volumes = { farmer: `downstream-integration-${id}-farmer`, 'mock-node': `downstream-integration-${id}-node` };

describeWith(['kubectl'], 'The pods of the dev overlay', () => {
  const pods: Pod[] = [];
  beforeAll(async () => {
    await docker(['network', 'create', network]);
    for (const volume of Object.values(volumes)) await docker(['volume', 'create', ...LABEL_OPTIONS, volume]);
  });
  afterAll(async () => {
    for (const pod of pods) await pod.remove();
    await docker(['volume', 'rm', '--force', ...Object.values(volumes)]);
    await docker(['network', 'rm', network]);
  });

  async function start(name: 'farmer' | 'mock-node', env: Record<string, string> = {}): Promise<Pod> {
    const rendered = render('dev');
    const spec = listPods(rendered).find((pod) => pod.name === name)?.spec;
    if (spec === undefined) throw new Error(`the overlay has no pod ${name}`);
    const settings = {
      ...resolveEnvironment(rendered, getOnlyContainer(spec), { 'metadata.name': `${name}-0` }),
      ...env,
    };
    const pod = await Pod.start(spec, { image: IMAGES[name], name, network, volume: volumes[name], env: settings });
    pods.push(pod);
    return pod;
  }

  it('farm within their restrictions, stop during an answer within the grace period, and resume', async () => {
    // Longer than a restart takes, but shorter than the 30 s of the manifest.
    const node = await start('mock-node', { MOCK_INTERVAL: '12' });
    const farmer = await start('farmer');
    const status = async () => await fetchFarmerStatus(await farmer.url());
    const filled = await eventually(
      'the farmer to use its capacity',
      status,
      ({ contracts }) => contracts.total === contracts.capacity && contracts.generating === 0,
    );
    expect(filled).toMatchObject({ alias: 'farmer-0', contracts: { total: 8 } });

    const url = await farmer.url();
    for (let busy = 0; busy === 0; ) {
      const { contracts } = await fetchFarmerStatus(url);
      busy = contracts.proving + contracts.answering;
    }
    const { exitCode, seconds, graceSeconds } = await farmer.stop();
    expect(exitCode).toBe(0);
    expect(seconds).toBeLessThan(graceSeconds / 2);

    await farmer.restart();
    const metrics = await eventually(
      'passes after the restart',
      async () => await scrape(await farmer.url()),
      (seen) => seen.value('farmer_challenges_passed_total') >= 8,
    );
    expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
    expect(metrics.value('farmer_chunk_generation_duration_seconds_count')).toBe(0);
    expect(await status()).toMatchObject({
      nodes: filled.nodes.map(({ farmerId }) => ({ farmerId })),
      contracts: { total: 8 },
    });

    await node.stop();
    await node.restart();
    const { contracts } = await fetchJson<{ contracts: { due: number; settled: number } }>(
      `${await node.url('control')}/__admin/info`,
    );
    expect(contracts.due + contracts.settled).toBe(8);
  });
});
