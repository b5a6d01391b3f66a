import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import {
  type Config,
  ControlClient,
  type FaultInput,
  type PresetName,
  type Scenario,
  type ScenarioInput,
  scenario as scenarioSchema,
  toFieldErrors,
} from '@downstream/control-api';
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers';
import { ContainerLogTail } from './container-log-tail.ts';
import { MockNodeError } from './mock-node-error.ts';
import { API_PORT, buildUrl, CONTROL_PORT, StartedMockNodeContainer } from './started-mock-node-container.ts';

const GENESIS_PATH = '/genesis';
const SCENARIO_PATH = '/scenario.json';

const NO_SCENARIO: ScenarioInput = { name: 'start', description: 'Faults that were set before the start.' };

/** Configures and starts a mock node in a container. Settings that are not set keep the defaults of the image. */
export class MockNodeContainer extends GenericContainer {
  #scenario = NO_SCENARIO;
  #faults: readonly FaultInput[] = [];

  constructor(image = 'downstream-mock-node') {
    super(image);
    this.withExposedPorts(API_PORT, CONTROL_PORT).withWaitStrategy(Wait.forLogMessage(/^mock-node ready /));
  }

  /**
   * Seed of the random tokens, secrets, challenges and faults. The same seed repeats a run. By default each start draws
   * a new one.
   */
  withSeed(seed: string): this {
    return this.withEnvironment({ MOCK_SEED: seed });
  }

  /** Seconds between two challenges of a contract, at least 1. */
  withInterval(seconds: number): this {
    return this.withEnvironment({ MOCK_INTERVAL: String(seconds) });
  }

  /** Maximum number of running contracts of all farmers. */
  withMaxContracts(count: number): this {
    return this.withEnvironment({ MOCK_MAX_CONTRACTS: String(count) });
  }

  /** Number of consecutive failed challenges that ends a contract. */
  withMaxFailures(count: number): this {
    return this.withEnvironment({ MOCK_MAX_FAILURES: String(count) });
  }

  /** Whether contracts contain the secret to generate the chunk from, or the URL to download it from. */
  withContractForm(form: Config['contractForm']): this {
    return this.withEnvironment({ MOCK_CONTRACT_FORM: form });
  }

  /** Proof scheme of the v1 API. */
  withScheme(scheme: 'merkle' | 'swizzle'): this {
    return this.withEnvironment({ MOCK_SCHEME: scheme });
  }

  /** Sizes of chunks in the v1 API. A farmer gets the largest ones that fit into the size that it requests. */
  withChunkSizes(...sizesBytes: readonly number[]): this {
    return this.withEnvironment({ MOCK_CHUNK_SIZES: sizesBytes.join(',') });
  }

  /** Applies a built-in scenario at the start. */
  withPreset(name: PresetName): this {
    return this.withEnvironment({ MOCK_PRESET: name });
  }

  /**
   * Adds a fault, after those of the preset and of the scenario.
   *
   * @throws MockNodeError `invalid_scenario`, with the invalid fields
   */
  withFault(fault: FaultInput): this {
    const faults = [...this.#faults, fault];
    parseScenario(this.#scenario, faults);
    this.#faults = faults;
    return this;
  }

  /**
   * Sets the scenario: settings and faults that apply after those of the preset.
   *
   * @throws MockNodeError `invalid_scenario`, with the invalid fields
   */
  withScenario(scenario: ScenarioInput): this {
    parseScenario(scenario, this.#faults);
    this.#scenario = scenario;
    return this;
  }

  /** Speed of the node's clock, as a multiple of real time. */
  withTimeScale(factor: number): this {
    return this.withEnvironment({ MOCK_TIME_SCALE: String(factor) });
  }

  /** Token that the control API requires: 8 to 200 printable characters without spaces. */
  withControlToken(token: string): this {
    return this.withEnvironment({ MOCK_CONTROL_TOKEN: token });
  }

  /** Keeps farmers, contracts and time across restarts of the container. */
  withState(path = '/state/node.db'): this {
    return this.withEnvironment({ MOCK_STATE: path });
  }

  /** Sets the genesis file. Every chunk has its size, so a small one makes tests faster. */
  withGenesis(content: Uint8Array): this {
    return this.withEnvironment({
      MOCK_GENESIS: GENESIS_PATH,
      MOCK_GENESIS_SHA256: createHash('sha256').update(content).digest('hex'),
    }).withCopyContentToContainer([{ target: GENESIS_PATH, content: Buffer.from(content), mode: 0o644 }]);
  }

  /** @throws MockNodeError `not_started`, with the end of the node's log */
  override async start(): Promise<StartedMockNodeContainer> {
    const log = new ContainerLogTail();
    super.withLogConsumer(log.createConsumer(this.logConsumer));
    try {
      const container = await super.start();
      const token = this.environment['MOCK_CONTROL_TOKEN'];
      return new StartedMockNodeContainer(container, { token, seed: await fetchSeed(container, token) });
    } catch (cause) {
      const message = ['the mock node did not start', log.text].filter((text) => text !== '').join(':\n');
      throw new MockNodeError('not_started', message, { cause });
    } finally {
      log.stop();
    }
  }

  protected override async beforeContainerCreated(): Promise<void> {
    await this.#allowHosts();
    if (this.#scenario === NO_SCENARIO && this.#faults.length === 0) return;
    const content = JSON.stringify(parseScenario(this.#scenario, this.#faults));
    this.withEnvironment({ MOCK_SCENARIO: SCENARIO_PATH }).withCopyContentToContainer([
      { target: SCENARIO_PATH, content, mode: 0o644 },
    ]);
  }

  /** Allows the names under which this machine and other containers reach the node. */
  async #allowHosts(): Promise<void> {
    if (this.environment['MOCK_ALLOWED_HOSTS'] !== undefined) return;
    const names = [await this.findHost(), ...this.networkAliases].filter((name) => isIP(name) === 0);
    this.withEnvironment({ MOCK_ALLOWED_HOSTS: names.join(',') });
  }

  /** The name or address under which this machine reaches the ports of containers. */
  protected async findHost(): Promise<string> {
    const { info } = await getContainerRuntimeClient();
    return info.containerRuntime.host;
  }
}

async function fetchSeed(container: StartedTestContainer, token: string | undefined): Promise<string> {
  try {
    return (await new ControlClient(buildUrl(container, CONTROL_PORT), { token }).getInfo()).seed;
  } catch (error) {
    await container.stop();
    throw error;
  }
}

/** Adds faults to a scenario. @throws MockNodeError `invalid_scenario` */
function parseScenario(scenario: ScenarioInput, faults: readonly FaultInput[]): Scenario {
  const parsed = scenarioSchema.safeParse({ ...scenario, faults: [...(scenario.faults ?? []), ...faults] });
  if (parsed.success) return parsed.data;
  const places = toFieldErrors(parsed.error.issues).map(({ pointer, message }) => `${pointer || '/'}: ${message}`);
  throw new MockNodeError('invalid_scenario', places.join('\n'));
}
