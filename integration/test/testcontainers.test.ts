import { MockNodeContainer } from '@downstream/testcontainers';
import { describe, expect, it } from '@jest/globals';
import { IMAGES, LABEL } from '../src/images.ts';

class MockNodeOfThisRun extends MockNodeContainer {
  constructor() {
    super(IMAGES['mock-node']);
    this.withLabels(LABEL);
  }
}

describe('a mock node container', () => {
  it('is begun with what it was given, and told apart from others by its token', async () => {
    await using node = await new MockNodeOfThisRun()
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

  it('goes on after a restart, wherever its ports are then', async () => {
    await using node = await new MockNodeOfThisRun().start();
    await node.control.addFault({ name: 'until-restart', effect: 'reset' });
    await node.restart();
    expect(await node.control.listFaults()).toEqual([]);
    expect((await fetch(`${node.getUrl()}/healthz`)).status).toBe(200);
  });

  it('says in the words of the node why it did not start', async () => {
    await expect(new MockNodeOfThisRun().withInterval(0.1).start()).rejects.toMatchObject({
      code: 'not_started',
      message: expect.stringMatching(/^the mock node did not start:\nerror: MOCK_INTERVAL: expected .* \(got "0.1"\)/),
    });
  });
});
