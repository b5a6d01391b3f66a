import type { ControlClient } from '@downstream/control-api';
import type { StartedMockNodeContainer } from '@downstream/testcontainers';
import type { StartedTestContainer } from 'testcontainers';
import { docker, tryDocker } from './docker.ts';
import { eventually } from './eventually.ts';
import { type FarmerStatus, fetchFarmerStatus, type Scrape, scrape } from './scrape.ts';

/** A started container of a service, as seen from outside: HTTP and signals. */
export abstract class Service {
  readonly #container: StartedTestContainer;

  constructor(container: StartedTestContainer) {
    this.#container = container;
  }

  /** Read before each use: a restart may publish a different host port. */
  abstract get url(): string;

  async scrape(): Promise<Scrape> {
    return await scrape(this.url);
  }

  /** Stops and starts the same container, which loses what it kept in memory. */
  async restart(): Promise<void> {
    await this.#container.restart();
  }

  /** Sends SIGTERM, and SIGKILL after 20 s. */
  async stop(): Promise<{ exitCode: number; seconds: number }> {
    const startedAt = performance.now();
    await docker(['stop', '-t', '20', this.id]);
    const seconds = (performance.now() - startedAt) / 1000;
    return { exitCode: Number(await docker(['inspect', '--format', '{{.State.ExitCode}}', this.id])), seconds };
  }

  /** Sends SIGKILL. */
  async kill(): Promise<void> {
    await docker(['kill', '--signal', 'KILL', this.id]);
    await docker(['wait', this.id]);
  }

  /** Pauses all processes until they are thawed or killed. */
  async freeze(): Promise<void> {
    await docker(['pause', this.id]);
  }

  async thaw(): Promise<void> {
    await docker(['unpause', this.id]);
  }

  /** Runs a command in the container, which has no shell. */
  async exec(...command: readonly string[]): Promise<string> {
    return await docker(['exec', this.id, ...command]);
  }

  /** Lists a folder of the container. */
  async listFolder(path: string): Promise<string[]> {
    const script = `console.log(require('node:fs').readdirSync('${path}').join('\\n'))`;
    return (await this.exec('node', '--eval', script)).split('\n').filter((name) => name !== '');
  }

  /** Returns the last 40 lines of the log. */
  async logs(): Promise<string> {
    const { stdout, stderr } = await tryDocker(['logs', '--tail', '40', this.id]);
    return `${this.#container.getName()}\n${stdout}${stderr}`;
  }

  async remove(): Promise<void> {
    await docker(['rm', '--force', '--volumes', this.id]);
  }

  /** Connects the container to another network, under these aliases. */
  async connect(network: string, ...aliases: readonly string[]): Promise<void> {
    await docker(['network', 'connect', ...aliases.flatMap((alias) => ['--alias', alias]), network, this.id]);
  }

  /** Disconnects the container from a network. */
  async disconnect(network: string): Promise<void> {
    await docker(['network', 'disconnect', network, this.id]);
  }

  protected getUrl(port: number): string {
    return `http://${this.#container.getHost()}:${this.#container.getMappedPort(port)}`;
  }

  protected get id(): string {
    return this.#container.getId();
  }
}

export class MockNodeService extends Service {
  readonly #node: StartedMockNodeContainer;

  constructor(container: StartedMockNodeContainer) {
    super(container);
    this.#node = container;
  }

  override get url(): string {
    return this.#node.getUrl();
  }

  get control(): ControlClient {
    return this.#node.control;
  }

  /** Scrapes the control port, which faults do not affect. */
  override async scrape(): Promise<Scrape> {
    return await scrape(this.#node.getControlUrl());
  }
}

export class FarmerService extends Service {
  override get url(): string {
    return this.getUrl(FARMER_PORT);
  }

  async status(): Promise<FarmerStatus> {
    return await fetchFarmerStatus(this.url);
  }

  /** Waits until the capacity is used and every chunk is generated. */
  async waitUntilFull(): Promise<FarmerStatus> {
    return await eventually(
      'the farmer to use its capacity',
      async () => await this.status(),
      ({ contracts }) => contracts.total > 0 && contracts.total === contracts.capacity && contracts.generating === 0,
      { withinMs: 90_000 },
    );
  }

  /** Waits for this number of further passed challenges. */
  async waitForPasses(count: number): Promise<Scrape> {
    const before = (await this.scrape()).value(PASSED);
    return await eventually(
      `${count} more passed challenges`,
      async () => await this.scrape(),
      (metrics) => metrics.value(PASSED) >= before + count,
    );
  }
}

export const FARMER_PORT = 8080;
const PASSED = 'farmer_challenges_passed_total';
