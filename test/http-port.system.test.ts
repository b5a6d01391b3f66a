import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ChildService } from './support/child-service.ts';
import { TestFarm, until } from './support/test-farm.ts';

const NO_NODE = 'http://127.0.0.1:1';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Runs the health check of the farmer's image on a process. */
async function checkHealth(pid: number): Promise<{ code: number | null; output: string }> {
  const script = fileURLToPath(new URL('../farmer/src/healthcheck.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=downstream-source', script, String(pid)]);
  let output = '';
  child.stdout.on('data', (piece) => {
    output += piece;
  });
  await once(child, 'close');
  return { code: child.exitCode, output };
}

describe('The HTTP port of a farmer', () => {
  it.each([
    ['--http-host', '127.0.0.3'],
    ['--http-host', '::1'],
    ['--http-host', '0.0.0.0'],
  ])('is where the health check looks: %s %s', async (...flags) => {
    await using farm = new TestFarm();
    const env = { ...farm.env(NO_NODE), FARMER_INIT: 'true', FARMER_HTTP_PORT: '1' };
    await using child = new ChildService('farmer', { env, args: [...flags, '--http-port', '0'] });
    await child.waitFor(/farmer started/);
    expect(await checkHealth(child.pid)).toEqual({ code: 0, output: '' });
  });

  it('is reported as missing if the farmer does not listen', async () => {
    expect(await checkHealth(process.pid)).toEqual({ code: 1, output: 'the farmer does not listen on any port\n' });
  });

  it('answers while clients open all connections and send nothing, and closes theirs after some seconds', async () => {
    await using farm = new TestFarm();
    const env = { ...farm.env(NO_NODE), FARMER_INIT: 'true' };
    await using child = new ChildService('farmer', { env });
    const [, url = ''] = await child.waitFor(/"http":"([^"]+)"/);
    const open = async (localAddress: string) => {
      const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', localAddress });
      socket.on('error', () => {}).resume();
      sockets.push(socket);
      await once(socket, 'connect');
    };
    for (let n = 0; n < 256; n++) await open(`127.0.0.${2 + (n % 4)}`);
    const statuses: number[] = [];
    for (let n = 0; n < 100; n++) {
      const { status } = await fetch(`${url}${n % 2 === 0 ? '/healthz' : '/metrics'}`);
      statuses.push(status);
    }
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(await checkHealth(child.pid)).toMatchObject({ code: 0 });
    await until(
      () => sockets.filter(({ closed }) => !closed).length,
      (left) => left === 0,
      { withinMs: 15_000 },
    );
  });
});
