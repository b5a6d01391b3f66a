import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { tryDocker } from './src/docker.ts';

/**
 * `npm run test:containers [-- jest's arguments]`: runs the container tests. Without a Docker engine they are
 * skipped with a notice, or fail if `CI` or `REQUIRE_DOCKER=1` is set.
 */
async function main(args: readonly string[]): Promise<number> {
  const missing = await missingTool();
  if (missing !== undefined) return reportMissingDocker(missing);
  Object.assign(process.env, await testcontainersSettings(), { INTEGRATION_RUN: randomBytes(4).toString('hex') });
  try {
    return await runJest(args);
  } finally {
    // It reads INTEGRATION_RUN when it is loaded.
    const { removeLeftovers } = await import('./src/remove-leftovers.ts');
    await removeLeftovers();
  }
}

async function runJest(args: readonly string[]): Promise<number> {
  const jest = fileURLToPath(new URL('../node_modules/jest/bin/jest.js', import.meta.url));
  const config = fileURLToPath(new URL('jest.config.js', import.meta.url));
  const nodeFlags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...nodeFlags, jest, '--config', config, ...args], { stdio: 'inherit' });
  // A terminal interrupts jest too; the leftovers must still be removed.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [exitCode] = await once(child, 'exit');
  return exitCode ?? 1;
}

async function missingTool(): Promise<string | undefined> {
  const engine = await tryDocker(['version', '--format', '{{.Server.Version}}'], { timeoutMs: 20_000 });
  if (engine.exitCode !== 0) return 'no Docker engine responds';
  const compose = await tryDocker(['compose', 'version'], { timeoutMs: 20_000 });
  return compose.exitCode === 0 ? undefined : 'the docker command has no compose plugin';
}

function reportMissingDocker(reason: string): number {
  const { CI, REQUIRE_DOCKER } = process.env;
  const required = isSet(CI) || isSet(REQUIRE_DOCKER);
  const line = '#'.repeat(100);
  process.stderr.write(
    [
      '',
      line,
      `#  ${required ? 'FAILED' : 'NOT RUN'}: the container tests, because ${reason}.`,
      '#',
      '#  Not tested: the images, docker-compose.yml, farms over a network, restarts, kills,',
      '#  a node with a different genesis file, file ownership from inside an image.',
      '#',
      required
        ? '#  It is a failure because CI or REQUIRE_DOCKER is set.'
        : '#  Start Docker and run them with: npm run test:containers',
      line,
      '',
      '',
    ].join('\n'),
  );
  return required ? 1 : 0;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}

const RYUK = 'testcontainers/ryuk:0.14.0@sha256:7c1a8a9a47c780ed0f983770a662f80deb115d95cce3e2daa3d12115b8cd28f0';

/** Ryuk removes the leftovers of a killed run. If its image cannot be pulled, only this script cleans up. */
async function testcontainersSettings(): Promise<NodeJS.ProcessEnv> {
  const { RYUK_CONTAINER_IMAGE: ryuk = RYUK, DOCKER_HOST = 'unix:' } = process.env;
  const hasRyuk =
    (await tryDocker(['image', 'inspect', ryuk])).exitCode === 0 ||
    (await tryDocker(['pull', '--quiet', ryuk], { timeoutMs: 120_000 })).exitCode === 0;
  return {
    RYUK_CONTAINER_IMAGE: ryuk,
    ...(!hasRyuk && { TESTCONTAINERS_RYUK_DISABLED: 'true' }),
    // "localhost" may resolve to ::1 first, where a local engine need not publish ports.
    ...(DOCKER_HOST.startsWith('unix:') && { TESTCONTAINERS_HOST_OVERRIDE: '127.0.0.1' }),
  };
}

process.exitCode = await main(process.argv.slice(2));
