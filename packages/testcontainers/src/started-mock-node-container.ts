import { ControlClient } from '@downstream/control-api';
import { AbstractStartedContainer, type StartedTestContainer } from 'testcontainers';

/** The ports in the container. */
export const API_PORT = 5000;
export const CONTROL_PORT = 5001;

/** A mock node that runs in a container. */
export class StartedMockNodeContainer extends AbstractStartedContainer {
  readonly #token: string | undefined;
  readonly #seed: string;

  constructor(container: StartedTestContainer, { token, seed }: { token: string | undefined; seed: string }) {
    super(container);
    this.#token = token;
    this.#seed = seed;
  }

  /** Where farmers find the node. Ask anew after a restart, which may publish the port elsewhere. */
  getUrl(): string {
    return buildUrl(this, API_PORT);
  }

  /** Where the control API and the page are. Ask anew after a restart. */
  getControlUrl(): string {
    return buildUrl(this, CONTROL_PORT);
  }

  /** Looks at the node and changes it while it runs: faults, contracts, requests, time. Ask anew after a restart. */
  get control(): ControlClient {
    return new ControlClient(this.getControlUrl(), { token: this.#token });
  }

  /** What repeats this run: tokens, secrets, challenges and faults are drawn from it. */
  getSeed(): string {
    return this.#seed;
  }
}

/** Where this machine reaches a port of a container. */
export function buildUrl(container: StartedTestContainer, port: number): string {
  return `http://${container.getHost()}:${container.getMappedPort(port)}`;
}
