import { MockNodeContainer } from '@downstream/testcontainers';
import { describe, expect, it } from '@jest/globals';
import { IMAGES, LABEL } from '../src/images.ts';

class LabelledMockNode extends MockNodeContainer {
  constructor() {
    super(IMAGES['mock-node']);
    this.withLabels(LABEL);
  }
}

describe('MockNodeContainer', () => {
  it('starts with its settings and requires its control token', async () => {
    await using node = await new LabelledMockNode()
      .withSeed('a seed')
      .withInterval(30)
      .withPreset('slow')
      .withScenario({ name: 'few', config: { maxContracts: 5 }, faults: [{ name: 'theirs', effect: 'reset' }] })
      .withFault({ name: 'mine', enabled: false, effect: 'empty' })
      .withControlToken('open-sesame')
      .start();
    expect(node.getSeed()).toBe('a seed');
    expect(await node.control.getConfig()).toMatchObject({ intervalMs: 30_000, maxContracts: 5 });
    expect((await node.control.listFaults()).map(({ name }) => name)).toEqual([
      'slow-delay',
      'slow-dribble',
      'theirs',
      'mine',
    ]);
    expect(await node.control.getInfo()).toMatchObject({ seed: 'a seed', scenario: 'few' });
    expect((await fetch(`${node.getControlUrl()}/__admin/info`)).status).toBe(401);
  });

  it.each([
    ['merkle', 'Merkle'],
    ['swizzle', 'Swizzle'],
  ] as const)('issues chunks of the v1 API with the scheme %s', async (scheme, type) => {
    await using node = await new LabelledMockNode().withScheme(scheme).withChunkSizes(1_000, 32_768).start();
    const get = async (path: string) =>
      JSON.parse(await (await fetch(`${node.getUrl()}/api/downstream/v1/${path}`)).text());
    const registered = await get('new/19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV');
    expect(registered).toMatchObject({ type });
    const { chunks } = await get(`chunk/${registered.token}/33768`);
    expect(chunks.map(({ size }: { size: number }) => size)).toEqual([32_768, 1_000]);
    expect(await node.control.listContracts()).toMatchObject([{ api: 'v1' }, { api: 'v1' }]);
  });

  it('works after a restart on different host ports', async () => {
    await using node = await new LabelledMockNode().start();
    await node.control.addFault({ name: 'until-restart', effect: 'reset' });
    await node.restart();
    expect(await node.control.listFaults()).toEqual([]);
    expect((await fetch(`${node.getUrl()}/healthz`)).status).toBe(200);
  });

  it('reports the error of a node that does not start', async () => {
    await expect(new LabelledMockNode().withInterval(0.1).start()).rejects.toMatchObject({
      code: 'not_started',
      message: expect.stringMatching(/^the mock node did not start:\nerror: MOCK_INTERVAL: expected .* \(got "0.1"\)/),
    });
  });
});
