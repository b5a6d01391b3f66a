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
  readonly #id: string;

  private constructor(id: string) {
    this.#id = id;
  }

  /** Starts it and waits until it is healthy. @param options of `docker run` */
  static async start(...options: readonly string[]): Promise<StandaloneMockNode> {
    const ports = ['--publish', '127.0.0.1::5000', '--publish', '127.0.0.1::5001'];
    const restrictions = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true'];
    const health = ['--health-interval', '1s'];
    const id = await docker([
      'run',
      '--detach',
      ...LABEL_OPTIONS,
      ...ports,
      ...restrictions,
      ...health,
      ...options,
      IMAGES['mock-node'],
    ]);
    const run = new StandaloneMockNode(id);
    try {
      await run.waitUntilHealthy();
      return run;
    } catch (error) {
      const { stdout, stderr } = await tryDocker(['logs', id]);
      await run[Symbol.asyncDispose]();
      throw new Error(`${stdout}${stderr}`, { cause: error });
    }
  }

  /** Read before each use: a restart may publish a different host port. */
  async url(): Promise<string> {
    return `http://${await docker(['port', this.#id, '5000'])}`;
  }

  async controlUrl(): Promise<string> {
    return `http://${await docker(['port', this.#id, '5001'])}`;
  }

  async health(): Promise<{ Status: string; Log: readonly HealthResult[] }> {
    return JSON.parse(await docker(['inspect', '--format', '{{json .State.Health}}', this.#id]));
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
    return await docker(['logs', this.#id]);
  }

  /** Sends SIGTERM, and SIGKILL after 20 s. */
  async stop(): Promise<{ exitCode: number; seconds: number }> {
    const startedAt = performance.now();
    await docker(['stop', '--time', '20', this.#id]);
    const seconds = (performance.now() - startedAt) / 1000;
    return { exitCode: Number(await docker(['inspect', '--format', '{{.State.ExitCode}}', this.#id])), seconds };
  }

  /** Sends SIGKILL. */
  async kill(): Promise<void> {
    await docker(['kill', '--signal', 'KILL', this.#id]);
    await docker(['wait', this.#id]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await docker(['rm', '--force', '--volumes', this.#id]);
  }
}
