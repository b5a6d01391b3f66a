import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockNodeContainer, type MockNodeError } from '@downstream/testcontainers';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../mock-node/src/config.ts';
import { readScenarioFile } from '../../../mock-node/src/faults/scenario-file.ts';

/** Gives access to the configuration without starting the container. */
class InspectableContainer extends MockNodeContainer {
  host = '127.0.0.1';

  protected override async findHost(): Promise<string> {
    return this.host;
  }

  /** Reads the settings and the scenario as the node would. */
  async read() {
    await this.beforeContainerCreated();
    const config = readConfig({ env: this.environment });
    return { config, scenario: config.scenarioPath && this.#scenarioAt(config.scenarioPath) };
  }

  content(path: string): string {
    const file = this.contentsToCopy.filter(({ target }) => target === path).at(-1);
    if (file === undefined) throw new Error(`no file is copied to ${path}`);
    return String(file.content);
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

function catchError(act: () => unknown): MockNodeError {
  try {
    act();
  } catch (error) {
    return error as MockNodeError;
  }
  throw new Error('no error was thrown');
}

describe('MockNodeContainer', () => {
  it('uses the default image, both ports and the default settings', async () => {
    const container = new InspectableContainer();
    expect(container.image).toBe('downstream-mock-node:latest');
    expect(container.ports).toEqual([5000, 5001]);
    expect(await container.read()).toEqual({ config: readConfig({ env: {} }), scenario: undefined });
    expect(new InspectableContainer('registry.example.org/mock-node:1.2.3').image).toBe(
      'registry.example.org/mock-node:1.2.3',
    );
  });

  it('allows the names of the machine and of its networks, and those of the settings instead', async () => {
    const container = new InspectableContainer().withNetworkAliases('node');
    container.host = 'engine.example.org';
    expect((await container.read()).config.allowedHosts).toEqual(['engine.example.org', 'node']);
    const configured = new InspectableContainer().withEnvironment({ MOCK_ALLOWED_HOSTS: 'a.example.org' });
    expect((await configured.read()).config.allowedHosts).toEqual(['a.example.org']);
  });

  it('passes settings to the node', async () => {
    const container = new InspectableContainer()
      .withSeed('a seed')
      .withInterval(1.5)
      .withMaxContracts(7)
      .withMaxFailures(2)
      .withContractForm('url')
      .withScheme('swizzle')
      .withChunkSizes(1_000, 32_768)
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
      scheme: 'swizzle',
      chunkSizesBytes: [1_000, 32_768],
      preset: 'flaky',
      timeScale: 60,
      statePath: '/state/node.db',
      controlToken: 'open-sesame',
    });
  });

  it('copies the genesis file and sets its hash', async () => {
    const container = new InspectableContainer().withGenesis(new TextEncoder().encode('abc'));
    const { config } = await container.read();
    expect(config.genesisSha256).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(container.content(config.genesisPath ?? '')).toBe('abc');
  });

  it('copies faults in order, and only once if it is started again', async () => {
    const container = new InspectableContainer()
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

  it('adds faults after those of the last scenario', async () => {
    const { scenario } = await new InspectableContainer()
      .withFault({ name: 'mine', effect: 'empty' })
      .withScenario({ name: 'not-this', faults: [{ name: 'gone', effect: 'empty' }] })
      .withScenario({
        name: 'busy-hour',
        config: { maxFailures: 2 },
        faults: [{ name: 'theirs', enabled: false, effect: 'hang' }],
      })
      .read();
    expect(scenario).toMatchObject({
      name: 'busy-hour',
      config: { maxFailures: 2 },
      faults: [{ name: 'theirs', enabled: false }, { name: 'mine' }],
    });
  });

  it('rejects an invalid fault or scenario with the invalid fields', () => {
    const mistyped = { name: 'a', match: { route: 'deu' }, effect: { kind: 'status', stauts: 500 } };
    const { code, message } = catchError(() => new MockNodeContainer().withFault(mistyped as never));
    expect(code).toBe('invalid_scenario');
    expect(message.split('\n')).toEqual([
      expect.stringContaining('/faults/0/match/route: '),
      '/faults/0/effect/stauts: unknown field',
    ]);
    expect(catchError(() => new MockNodeContainer().withScenario({ name: 'Not A Name' })).message).toMatch(/^\/name: /);
  });

  it('rejects duplicate names, and routes on which an effect does nothing', () => {
    const one = new MockNodeContainer().withFault({ name: 'a', effect: 'reset' });
    expect(catchError(() => one.withFault({ name: 'a', effect: 'empty' })).message).toBe(
      '/faults/1/name: duplicate name',
    );
    const never = catchError(() => one.withFault({ name: 'b', match: { route: 'due' }, effect: 'no_chunks' }));
    expect(never.message).toMatch(/^\/faults\/1.*: the effect can do nothing on this route/);
  });

  it('keeps its configuration when it rejects a fault or scenario', async () => {
    const container = new InspectableContainer().withFault({ name: 'a', effect: 'reset' });
    catchError(() => container.withFault({ name: 'a', effect: 'empty' }));
    catchError(() => container.withScenario({ name: 'b', faults: [{ name: 'a', effect: 'empty' }] }));
    expect((await container.read()).scenario).toMatchObject({ name: 'start', faults: [{ effect: { kind: 'reset' } }] });
  });
});
