import { randomBytes } from 'node:crypto';
import { docker, tryDocker } from './docker.ts';
import { eventually } from './eventually.ts';
import { IMAGES, LABEL_OPTIONS } from './images.ts';

/** One result of the health check. */
interface HealthResult {
  readonly Start: string;
  readonly ExitCode: number;
}

/** The mock node's image, started with `docker run` and the restrictions of docker-compose.yml. */
export class StandaloneMockNode implements AsyncDisposable {
  readonly #name: string;

  private constructor(name: string) {
    this.#name = name;
  }

  /** Starts it and waits until it is healthy. @param options of `docker run` */
  static async start(...options: readonly string[]): Promise<StandaloneMockNode> {
    const ports = ['--publish', '127.0.0.1::5000', '--publish', '127.0.0.1::5001'];
    const restrictions = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true'];
    const health = ['--health-interval', '1s'];
    const name = `downstream-integration-${randomBytes(6).toString('hex')}`;
    const run = new StandaloneMockNode(name);
    const command = [
      'run',
      '--detach',
      '--name',
      name,
      ...LABEL_OPTIONS,
      ...ports,
      ...restrictions,
      ...health,
      ...options,
      IMAGES['mock-node'],
    ];
    try {
      await docker(command);
      await run.waitUntilHealthy();
      return run;
    } catch (error) {
      const { stdout, stderr } = await tryDocker(['logs', name]);
      // A container that was created but did not start would keep its volumes in use.
      await tryDocker(['rm', '--force', '--volumes', name]);
      throw new Error(`${error}\n${stdout}${stderr}`, { cause: error });
    }
  }

  /** Read before each use: a restart may publish a different host port. */
  async url(): Promise<string> {
    return `http://${await docker(['port', this.#name, '5000'])}`;
  }

  async controlUrl(): Promise<string> {
    return `http://${await docker(['port', this.#name, '5001'])}`;
  }

  async health(): Promise<{ Status: string; Log: readonly HealthResult[] }> {
    return JSON.parse(await docker(['inspect', '--format', '{{json .State.Health}}', this.#name]));
  }

  async waitUntilHealthy(): Promise<void> {
    await eventually(
      'the container to be healthy',
      async () => await this.health(),
      ({ Status }) => Status === 'healthy',
    );
  }

  /** Returns its standard output. */
  async output(): Promise<string> {
    return await docker(['logs', this.#name]);
  }

  /** Sends SIGTERM, and SIGKILL after 20 s. */
  async stop(): Promise<{ exitCode: number; seconds: number }> {
    const startedAt = performance.now();
    await docker(['stop', '--time', '20', this.#name]);
    const seconds = (performance.now() - startedAt) / 1000;
    return { exitCode: Number(await docker(['inspect', '--format', '{{.State.ExitCode}}', this.#name])), seconds };
  }

  /** Sends SIGKILL. */
  async kill(): Promise<void> {
    await docker(['kill', '--signal', 'KILL', this.#name]);
    await docker(['wait', this.#name]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker(['rm', '--force', '--volumes', this.#name]);
  }
}
