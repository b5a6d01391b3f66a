import { createHash } from 'node:crypto';
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
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';
import { ContainerLogTail } from './container-log-tail.ts';
import { MockNodeError } from './mock-node-error.ts';
import { API_PORT, buildUrl, CONTROL_PORT, StartedMockNodeContainer } from './started-mock-node-container.ts';

const GENESIS_PATH = '/genesis';
const SCENARIO_PATH = '/scenario.json';

/** The faults of a node that was given no scenario. */
const NO_SCENARIO: ScenarioInput = { name: 'start', description: 'The faults that the node was started with.' };

/**
 * A mock node to be started in a container. What is not set is as the image has it; whatever else a container can have, such as
 * a network, is set as for any other of testcontainers.
 */
export class MockNodeContainer extends GenericContainer {
  #scenario = NO_SCENARIO;
  #faults: readonly FaultInput[] = [];

  constructor(image = 'downstream-mock-node') {
    super(image);
    this.withExposedPorts(API_PORT, CONTROL_PORT).withWaitStrategy(Wait.forLogMessage(/^mock-node ready /));
  }

  /** What tokens, secrets, challenges and faults are drawn from: the same seed repeats a run. */
  withSeed(seed: string): this {
    return this.withEnvironment({ MOCK_SEED: seed });
  }

  /** Seconds between two challenges of a contract, 1 or more. */
  withInterval(seconds: number): this {
    return this.withEnvironment({ MOCK_INTERVAL: String(seconds) });
  }

  /** Contracts running at once, over all farmers. */
  withMaxContracts(count: number): this {
    return this.withEnvironment({ MOCK_MAX_CONTRACTS: String(count) });
  }

  /** Failed challenges in a row that end a contract. */
  withMaxFailures(count: number): this {
    return this.withEnvironment({ MOCK_MAX_FAILURES: String(count) });
  }

  /** Whether contracts carry the secret that makes the chunk, or the URL that has it. */
  withContractForm(form: Config['contractForm']): this {
    return this.withEnvironment({ MOCK_CONTRACT_FORM: form });
  }

  /** Faults that are built in, by what they are like. */
  withPreset(name: PresetName): this {
    return this.withEnvironment({ MOCK_PRESET: name });
  }

  /**
   * A fault to begin with, after those of a preset and of a scenario; call it again for more.
   *
   * @throws MockNodeError `invalid_scenario`, which says where and what is wrong
   */
  withFault(fault: FaultInput): this {
    const faults = [...this.#faults, fault];
    checked(this.#scenario, faults);
    this.#faults = faults;
    return this;
  }

  /**
   * Settings and faults to begin with, after those of a preset. There is one scenario: of two calls the last counts.
   *
   * @throws MockNodeError `invalid_scenario`, which says where and what is wrong
   */
  withScenario(scenario: ScenarioInput): this {
    checked(scenario, this.#faults);
    this.#scenario = scenario;
    return this;
  }

  /** How much faster than real time the node's clock runs. */
  withTimeScale(factor: number): this {
    return this.withEnvironment({ MOCK_TIME_SCALE: String(factor) });
  }

  /** What the control API wants to see from whoever uses it: 8 to 200 printable characters without blanks. */
  withControlToken(token: string): this {
    return this.withEnvironment({ MOCK_CONTROL_TOKEN: token });
  }

  /** Keeps farmers, contracts and time over restarts of the container: in its volume, or where a volume of yours is mounted. */
  withState(path = '/state/node.db'): this {
    return this.withEnvironment({ MOCK_STATE: path });
  }

  /** Another genesis file than the standard one, such as a small one: chunks are as long as it is. */
  withGenesis(content: Uint8Array): this {
    return this.withEnvironment({
      MOCK_GENESIS: GENESIS_PATH,
      MOCK_GENESIS_SHA256: createHash('sha256').update(content).digest('hex'),
    }).withCopyContentToContainer([{ target: GENESIS_PATH, content: Buffer.from(content), mode: 0o644 }]);
  }

  /** @throws MockNodeError `not_started`, with what the node said */
  override async start(): Promise<StartedMockNodeContainer> {
    const said = new ContainerLogTail();
    const theirs = this.logConsumer;
    super.withLogConsumer(said.consumer(theirs));
    try {
      const container = await super.start();
      const token = this.environment['MOCK_CONTROL_TOKEN'];
      return new StartedMockNodeContainer(container, { token, seed: await fetchSeed(container, token) });
    } catch (cause) {
      const message = ['the mock node did not start', said.text].filter((text) => text !== '').join(':\n');
      throw new MockNodeError('not_started', message, { cause });
    } finally {
      said.enough();
    }
  }

  protected override async beforeContainerCreated(): Promise<void> {
    if (this.#scenario === NO_SCENARIO && this.#faults.length === 0) return;
    const content = JSON.stringify(checked(this.#scenario, this.#faults));
    this.withEnvironment({ MOCK_SCENARIO: SCENARIO_PATH }).withCopyContentToContainer([
      { target: SCENARIO_PATH, content, mode: 0o644 },
    ]);
  }
}

/** Asked of the node, which is the one to know. */
async function fetchSeed(container: StartedTestContainer, token: string | undefined): Promise<string> {
  try {
    return (await new ControlClient(buildUrl(container, CONTROL_PORT), { token }).getInfo()).seed;
  } catch (error) {
    await container.stop();
    throw error;
  }
}

/** A scenario with these faults after its own: what the node reads at its start. Wrong ones are found here, not by the node. */
function checked(scenario: ScenarioInput, faults: readonly FaultInput[]): Scenario {
  const parsed = scenarioSchema.safeParse({ ...scenario, faults: [...(scenario.faults ?? []), ...faults] });
  if (parsed.success) return parsed.data;
  const places = toFieldErrors(parsed.error.issues).map(({ pointer, message }) => `${pointer || '/'}: ${message}`);
  throw new MockNodeError('invalid_scenario', places.join('\n'));
}
