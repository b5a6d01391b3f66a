import { createHash } from 'node:crypto';
import {
  type Config,
  ControlClient,
  type Fault,
  type FaultInput,
  fault as faultSchema,
  type PresetName,
  type Scenario,
  type ScenarioInput,
  scenario as scenarioSchema,
} from '@downstream/control-api';
import { AbstractStartedContainer, GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';

const IMAGE = 'downstream-mock-node';
const API_PORT = 5000;
const CONTROL_PORT = 5001;
const SCENARIO_PATH = '/etc/mock-node/scenario.json';
const GENESIS_PATH = '/etc/mock-node/genesis';
const READY = /^mock-node ready api=:\d+ control=:\d+ seed=/m;
const STARTUP_MS = 60_000;

/**
 * A mock node in a container. What is not set is as the node has it: seed 42, a challenge a minute, no faults.
 *
 * ```ts
 * await using node = await new MockNodeContainer().withSeed('7').withPreset('flaky').start();
 * await node.control.waitForRequests({ route: 'due' }, { count: 3 });
 * ```
 */
export class MockNodeContainer extends GenericContainer {
  #seed = '42';
  #token: string | undefined;
  #faults: Fault[] = [];
  #scenario: Scenario = scenarioSchema.parse({ name: 'start' });

  /** @param image built from this project's Dockerfile: `docker build --target mock-node -t downstream-mock-node .` */
  constructor(image = IMAGE) {
    super(image);
    this.withExposedPorts(API_PORT, CONTROL_PORT)
      .withWaitStrategy(Wait.forLogMessage(READY))
      .withStartupTimeout(STARTUP_MS);
  }

  /** What everything is drawn from that the node makes up: the same seed repeats a run. */
  withSeed(seed: string): this {
    this.#seed = seed;
    return this.withEnvironment({ MOCK_SEED: seed });
  }

  /** Seconds between two challenges of a contract. */
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

  /** What contracts carry: the secret that makes the chunk, or the URL that has it. */
  withContractForm(form: Config['contractForm']): this {
    return this.withEnvironment({ MOCK_CONTRACT_FORM: form });
  }

  /** Another genesis file than the standard one, of 32 MiB: a small one makes chunks cheap. Farmers need the same. */
  withGenesis(content: Buffer): this {
    const hash = createHash('sha256').update(content).digest('hex');
    return this.withCopyContentToContainer([{ target: GENESIS_PATH, content, mode: 0o644 }]).withEnvironment({
      MOCK_GENESIS: GENESIS_PATH,
      MOCK_GENESIS_SHA256: hash,
    });
  }

  /** The faults of a built-in scenario. */
  withPreset(name: PresetName): this {
    return this.withEnvironment({ MOCK_PRESET: name });
  }

  /** A fault from the start, after those given before. @throws ZodError where it is none */
  withFault(fault: FaultInput): this {
    this.#faults.push(faultSchema.parse(fault));
    return this;
  }

  /** A scenario from the start, before the single faults. @throws ZodError where it is none */
  withScenario(scenario: ScenarioInput): this {
    this.#scenario = scenarioSchema.parse(scenario);
    return this;
  }

  /** How much faster than real time the clock of the node runs. */
  withTimeScale(factor: number): this {
    return this.withEnvironment({ MOCK_TIME_SCALE: String(factor) });
  }

  /** What the control API wants to see; the client of the started container sends it. */
  withControlToken(token: string): this {
    this.#token = token;
    return this.withEnvironment({ MOCK_CONTROL_TOKEN: token });
  }

  override async start(): Promise<StartedMockNodeContainer> {
    const given = { ...this.#scenario, faults: [...this.#scenario.faults, ...this.#faults] };
    const isAny = given.faults.length > 0 || Object.keys(given.config).length > 0;
    if (isAny) {
      this.withEnvironment({ MOCK_SCENARIO: SCENARIO_PATH }).withCopyContentToContainer([
        { target: SCENARIO_PATH, content: JSON.stringify(given), mode: 0o644 },
      ]);
    }
    return new StartedMockNodeContainer(await super.start(), { seed: this.#seed, token: this.#token });
  }
}

/** A mock node that runs. */
export class StartedMockNodeContainer extends AbstractStartedContainer {
  readonly #seed: string;
  readonly #token: string | undefined;

  constructor(container: StartedTestContainer, { seed, token }: { seed: string; token: string | undefined }) {
    super(container);
    this.#seed = seed;
    this.#token = token;
  }

  /** The node, for farmers on this machine. Asked for anew each time: a restart may publish it elsewhere. */
  getUrl(): string {
    return `http://${this.getHost()}:${this.getMappedPort(API_PORT)}`;
  }

  /** The control API and the page. */
  getControlUrl(): string {
    return `http://${this.getHost()}:${this.getMappedPort(CONTROL_PORT)}`;
  }

  getSeed(): string {
    return this.#seed;
  }

  /** A client of the control API. */
  get control(): ControlClient {
    return new ControlClient(this.getControlUrl(), { token: this.#token });
  }
}
