import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ChildService } from './support/child-service.ts';
import { TestFarm, until } from './support/test-farm.ts';

const NO_NODE = 'http://127.0.0.1:1';
const MOCK_ENV = { MOCK_PORT: '0', MOCK_CONTROL_PORT: '0' };

/** Reports when the service's command is loaded, and makes that slow. */
function writeSlowLoader(folder: string): string {
  const path = join(folder, 'slow-loader.mjs');
  writeFileSync(
    path,
    `import { registerHooks } from 'node:module';
    registerHooks({
      load(url, context, next) {
        if (url.endsWith('/command.ts')) {
          process.stderr.write('loading\\n');
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
        }
        return next(url, context);
      },
    });`,
  );
  return path;
}

/** Waits until a process reads a pipe. @returns a file descriptor, which keeps the reader waiting while it is open */
async function waitForReader(pipe: string): Promise<number> {
  return await until(
    () => {
      try {
        return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
      } catch {
        return 0;
      }
    },
    (file) => file > 0,
  );
}

describe.each(['farmer', 'mock-node'] as const)('A signal to the %s', (service) => {
  it.each(['SIGTERM', 'SIGINT'] as const)('stops it while its program is loaded: %s', async (signal) => {
    await using farm = new TestFarm();
    const env = service === 'farmer' ? farm.env(NO_NODE) : MOCK_ENV;
    await using child = new ChildService(service, { env, preload: writeSlowLoader(farm.folder) });
    await child.waitFor(/loading/);
    child.send(signal);
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });

  it('does not stop it if the terminal was closed', async () => {
    await using farm = new TestFarm();
    const env = service === 'farmer' ? { ...farm.env(NO_NODE), FARMER_INIT: 'true' } : MOCK_ENV;
    await using child = new ChildService(service, { env });
    await child.waitFor(/farmer started|mock-node ready/);
    child.send('SIGHUP');
    if (service === 'farmer') await child.waitFor(/hangup ignored/);
    child.send('SIGHUP');
    child.send('SIGTERM');
    // A signal of the terminal may also be passed on by a parent process.
    child.send('SIGINT');
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });
});

describe('A signal to the farmer', () => {
  it('stops it while a disk does not respond at the start', async () => {
    await using farm = new TestFarm();
    const [first, second] = [join(farm.folder, 'first'), join(farm.folder, 'second')];
    mkdirSync(second);
    const { FARMER_SIZE, ...rest } = farm.env(NO_NODE);
    const env = { ...rest, FARMER_DATA_DIR: `${first}=${FARMER_SIZE},${second}=${FARMER_SIZE}` };
    {
      await using child = new ChildService('farmer', { env: { ...env, FARMER_INIT: 'true' } });
      await child.waitFor(/farmer started/);
      child.send('SIGTERM');
      await child.exit;
    }
    // Reading an empty pipe blocks a thread, like a disk that does not respond.
    const marker = join(second, 'downstream.json');
    rmSync(marker);
    execFileSync('mkfifo', [marker]);
    await using child = new ChildService('farmer', { env });
    const writer = await waitForReader(marker);
    child.send('SIGTERM');
    expect(await child.exit).toEqual({ code: 0, signal: null });
    closeSync(writer);
    expect(child.output).toContain('farmer stopped');
    expect(child.output).not.toContain('farmer started');
    expect(existsSync(join(first, 'control.sock'))).toBe(false);
  });

  it('interrupts a command that waits for the node', async () => {
    await using farm = new TestFarm();
    const connected = Promise.withResolvers<void>();
    const silent = createServer(() => connected.resolve()).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const args = ['--verify-ownership', farm.genesis.genesisPath, `http://127.0.0.1:${port}`];
    await using child = new ChildService('farmer', { args });
    await connected.promise;
    child.send('SIGINT');
    expect(await child.exit).toEqual({ code: 130, signal: null });
    silent.close();
  });
});
