import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockNodeContainer, type MockNodeError } from '@downstream/testcontainers';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../mock-node/src/config.ts';
import { readScenarioFile } from '../../../mock-node/src/faults/scenario-file.ts';

/** A container that is looked at instead of started. */
class LookedAt extends MockNodeContainer {
  /** What the node in it would read: its settings, and the scenario in the file that they name. */
  async read() {
    await this.beforeContainerCreated();
    const config = readConfig({ env: this.environment });
    return { config, scenario: config.scenarioPath && this.#scenarioAt(config.scenarioPath) };
  }

  /** A copied file. */
  content(path: string): string {
    const copied = this.contentsToCopy.filter(({ target }) => target === path).at(-1);
    if (copied === undefined) throw new Error(`nothing is copied to ${path}`);
    return String(copied.content);
  }

  get image(): string {
    return this.imageName.string;
  }

  get ports() {
    return this.exposedPorts;
  }

  #scenarioAt(path: string) {
    const folder = mkdtempSync(join(tmpdir(), 'testcontainers-'));
    try {
      const file = join(folder, 'scenario');
      writeFileSync(file, this.content(path));
      return readScenarioFile(file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

/** What goes wrong when it does. */
function wrongIn(act: () => unknown): MockNodeError {
  try {
    act();
  } catch (error) {
    return error as MockNodeError;
  }
  throw new Error('nothing went wrong');
}

describe('a mock node container', () => {
  it('is the published image with both ports, and the settings of the node itself, unless told otherwise', async () => {
    const container = new LookedAt();
    expect(container.image).toBe('downstream-mock-node:latest');
    expect(container.ports).toEqual([5000, 5001]);
    expect(await container.read()).toEqual({ config: readConfig({ env: {} }), scenario: undefined });
    expect(new LookedAt('registry.example.org/mock-node:1.2.3').image).toBe('registry.example.org/mock-node:1.2.3');
  });

  it('sets what the node reads', async () => {
    const container = new LookedAt()
      .withSeed('a seed')
      .withInterval(1.5)
      .withMaxContracts(7)
      .withMaxFailures(2)
      .withContractForm('url')
      .withPreset('flaky')
      .withTimeScale(60)
      .withState()
      .withControlToken('open-sesame');
    expect((await container.read()).config).toMatchObject({
      seed: 'a seed',
      intervalMs: 1_500,
      maxContracts: 7,
      maxFailures: 2,
      contractForm: 'url',
      preset: 'flaky',
      timeScale: 60,
      statePath: '/state/node.db',
      controlToken: 'open-sesame',
    });
  });

  it('brings a genesis file along, with the hash that the node holds it against', async () => {
    const container = new LookedAt().withGenesis(new TextEncoder().encode('abc'));
    const { config } = await container.read();
    expect(config.genesisSha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(container.content(config.genesisPath ?? '')).toBe('abc');
  });

  it('brings faults along, in the order in which they were given, each once however often it is started', async () => {
    const container = new LookedAt()
      .withFault({ name: 'first', match: { route: 'due' }, times: 3, effect: 'reset' })
      .withFault({ name: 'second', effect: { kind: 'fixed', ms: 20 } });
    await container.read();
    const { scenario } = await container.read();
    expect(scenario).toMatchObject({
      faults: [
        { name: 'first', match: { route: 'due' }, times: 3, effect: { kind: 'reset' } },
        { name: 'second', effect: { kind: 'fixed', ms: 20 } },
      ],
    });
  });

  it('has faults after those of its scenario, whichever came first; of two scenarios the last', async () => {
    const { scenario } = await new LookedAt()
      .withFault({ name: 'mine', effect: 'empty' })
      .withScenario({ name: 'not-this', faults: [{ name: 'gone', effect: 'empty' }] })
      .withScenario({
        name: 'bad-day',
        config: { maxFailures: 2 },
        faults: [{ name: 'theirs', enabled: false, effect: 'hang' }],
      })
      .read();
    expect(scenario).toMatchObject({
      name: 'bad-day',
      config: { maxFailures: 2 },
      faults: [{ name: 'theirs', enabled: false }, { name: 'mine' }],
    });
  });
});

describe('what no node would take', () => {
  it('is found in the line that has it, which says where and what', () => {
    const mistyped = { name: 'a', match: { route: 'deu' }, effect: { kind: 'status', stauts: 500 } };
    const { code, message } = wrongIn(() => new MockNodeContainer().withFault(mistyped as never));
    expect(code).toBe('invalid_scenario');
    expect(message.split('\n')).toEqual([
      expect.stringContaining('/faults/0/match/route: '),
      '/faults/0/effect/stauts: is not known',
    ]);
    expect(wrongIn(() => new MockNodeContainer().withScenario({ name: 'Not A Name' })).message).toMatch(/^\/name: /);
  });

  it('is a second fault of a name too, and one where its effect never has any', () => {
    const one = new MockNodeContainer().withFault({ name: 'a', effect: 'reset' });
    expect(wrongIn(() => one.withFault({ name: 'a', effect: 'empty' })).message).toBe('/faults/1/name: is there twice');
    const never = wrongIn(() => one.withFault({ name: 'b', match: { route: 'due' }, effect: 'no_chunks' }));
    expect(never.message).toMatch(/^\/faults\/1.*: is a route on which/);
  });

  it('leaves the container as it was', async () => {
    const container = new LookedAt().withFault({ name: 'a', effect: 'reset' });
    wrongIn(() => container.withFault({ name: 'a', effect: 'empty' }));
    wrongIn(() => container.withScenario({ name: 'b', faults: [{ name: 'a', effect: 'empty' }] }));
    expect((await container.read()).scenario).toMatchObject({ name: 'start', faults: [{ effect: { kind: 'reset' } }] });
  });
});
