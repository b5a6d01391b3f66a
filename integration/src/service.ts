import type { ControlClient } from '@downstream/control-api';
import type { StartedMockNodeContainer } from '@downstream/testcontainers';
import type { StartedTestContainer } from 'testcontainers';
import { docker, tryDocker } from './docker.ts';
import { eventually } from './eventually.ts';
import { type FarmerStatus, fetchFarmerStatus, type Scrape, scrape } from './scrape.ts';

/** A container of ours that was started, seen from outside: HTTP and signals. */
export abstract class Service {
  readonly #container: StartedTestContainer;

  constructor(container: StartedTestContainer) {
    this.#container = container;
  }

  /** Asked for anew each time: a restart may publish the port elsewhere. */
  abstract get url(): string;

  async scrape(): Promise<Scrape> {
    return await scrape(this.url);
  }

  /** Stops and starts the same container: what it kept in memory is gone. */
  async restart(): Promise<void> {
    await this.#container.restart();
  }

  /** SIGTERM, and SIGKILL if that does not help. */
  async stop(): Promise<{ exitCode: number; seconds: number }> {
    const startedAt = performance.now();
    await docker(['stop', '-t', '20', this.id]);
    const seconds = (performance.now() - startedAt) / 1000;
    return { exitCode: Number(await docker(['inspect', '--format', '{{.State.ExitCode}}', this.id])), seconds };
  }

  /** SIGKILL, without a warning. */
  async kill(): Promise<void> {
    await docker(['kill', '--signal', 'KILL', this.id]);
    await docker(['wait', this.id]);
  }

  /** Stops every process where it is, until it is thawed or killed. */
  async freeze(): Promise<void> {
    await docker(['pause', this.id]);
  }

  async thaw(): Promise<void> {
    await docker(['unpause', this.id]);
  }

  async shell(command: string): Promise<string> {
    return await docker(['exec', this.id, 'sh', '-c', command]);
  }

  /** The last lines that it wrote. */
  async logs(): Promise<string> {
    const { stdout, stderr } = await tryDocker(['logs', '--tail', '40', this.id]);
    return `${this.#container.getName()}\n${stdout}${stderr}`;
  }

  async remove(): Promise<void> {
    await docker(['rm', '--force', '--volumes', this.id]);
  }

  /** Connects the container to a network besides its own, under these names. */
  async connect(network: string, ...aliases: readonly string[]): Promise<void> {
    await docker(['network', 'connect', ...aliases.flatMap((alias) => ['--alias', alias]), network, this.id]);
  }

  /** Takes the container off a network: whoever was reached there is not reached any more. */
  async disconnect(network: string): Promise<void> {
    await docker(['network', 'disconnect', network, this.id]);
  }

  protected urlOf(port: number): string {
    return `http://${this.#container.getHost()}:${this.#container.getMappedPort(port)}`;
  }

  protected get id(): string {
    return this.#container.getId();
  }
}

/** A mock node's container. */
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

  /** From the port that no fault hits. */
  override async scrape(): Promise<Scrape> {
    return await scrape(this.#node.getControlUrl());
  }
}

/** A farmer's container. */
export class FarmerService extends Service {
  override get url(): string {
    return this.urlOf(FARMER_PORT);
  }

  async status(): Promise<FarmerStatus> {
    return await fetchFarmerStatus(this.url);
  }

  /** Waits until the capacity is used and every chunk is made. */
  async filled(): Promise<FarmerStatus> {
    return await eventually(
      'the farm to be filled',
      async () => await this.status(),
      ({ contracts }) => contracts.total > 0 && contracts.total === contracts.capacity && contracts.generating === 0,
      { withinMs: 90_000 },
    );
  }

  /** Waits for so many more passed challenges. */
  async passes(count: number): Promise<Scrape> {
    const before = (await this.scrape()).value(PASSED);
    return await eventually(
      `${count} more passed challenges`,
      async () => await this.scrape(),
      (seen) => seen.value(PASSED) >= before + count,
    );
  }
}

export const FARMER_PORT = 8080;
const PASSED = 'farmer_challenges_passed_total';
