import { ControlClient } from '@downstream/control-api';
import { AbstractStartedContainer, type StartedTestContainer } from 'testcontainers';

/** Ports inside the container. */
export const API_PORT = 5000;
export const CONTROL_PORT = 5001;

/** A running mock node. After a restart its host ports may be different, and so are its URLs. */
export class StartedMockNodeContainer extends AbstractStartedContainer {
  readonly #token: string | undefined;
  readonly #seed: string;

  constructor(container: StartedTestContainer, { token, seed }: { token: string | undefined; seed: string }) {
    super(container);
    this.#token = token;
    this.#seed = seed;
  }

  /** URL for farmers. */
  getUrl(): string {
    return buildUrl(this, API_PORT);
  }

  /** URL of the control API and of the page. */
  getControlUrl(): string {
    return buildUrl(this, CONTROL_PORT);
  }

  /** Creates a client of the control API. */
  get control(): ControlClient {
    return new ControlClient(this.getControlUrl(), { token: this.#token });
  }

  /** The seed that repeats this run, from its start to a reset. */
  getSeed(): string {
    return this.#seed;
  }
}

export function buildUrl(container: StartedTestContainer, port: number): string {
  return `http://${container.getHost()}:${container.getMappedPort(port)}`;
}
