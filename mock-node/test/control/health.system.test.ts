import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ChildService } from '../../../test/support/child-service.ts';
import { setUpControlApi } from '../support/control-api.ts';
import { until } from '../support/raw-client.ts';

const { start, ask, register, url, log, nextWait } = setUpControlApi({ holdsWaits: true });

const READY = { status: 200, json: { status: 'ok' } };
const REFUSE = { name: 'away', match: { route: 'new' }, times: 1, effect: { kind: 'refuse', forMs: 3_600_000 } };

/** Runs the image's health check on a process. @returns its exit code */
async function healthcheck(pid = process.pid): Promise<number> {
  const script = fileURLToPath(new URL('../../src/healthcheck.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=downstream-source', script, String(pid)], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  return code;
}

const getPort = (where: string) => new URL(where).port;

describe('the health operations', () => {
  it('succeed from the start', async () => {
    await start();
    expect(await ask('GET', '/health/live')).toMatchObject(READY);
    expect(await ask('GET', '/health/ready')).toMatchObject(READY);
  });

  it('succeed while a fault makes the node refuse connections', async () => {
    await start();
    await ask('POST', '/faults', { body: REFUSE });
    await expect(register()).rejects.toThrow();
    await expect(register()).rejects.toThrow();
    expect(await ask('GET', '/health/ready')).toMatchObject(READY);
    expect(await healthcheck()).toBe(0);
  });

  it('report the node as not ready while another process has its port', async () => {
    await start();
    await ask('POST', '/faults', { body: REFUSE });
    await expect(register()).rejects.toThrow();
    const other = createServer();
    other.listen(Number(getPort(url())), '127.0.0.1');
    await once(other, 'listening');
    const refusal = await nextWait();
    await ask('DELETE', '/faults/away');
    expect(refusal.isAborted()).toBe(true);
    const retry = await nextWait();
    expect(await ask('GET', '/health/ready')).toMatchObject({ status: 503, json: { status: 'error' } });
    expect(await ask('GET', '/health/live')).toMatchObject(READY);
    expect(log().find(({ message }) => message === 'port not reopened')).toMatchObject({ level: 'error' });
    other.close();
    await once(other, 'close');
    retry.end();
    await until('the node listens', async () => (await ask('GET', '/health/ready')).status === 200);
    expect(await register()).toMatchObject({ code: 200 });
  });
});

describe("the image's health check", () => {
  it('calls the node API if the control API is off', async () => {
    await start({ controlPort: undefined });
    expect(await healthcheck()).toBe(0);
  });

  it('needs no token', async () => {
    await start({ controlToken: 'open-sesame' });
    expect(await healthcheck()).toBe(0);
  });

  it('checks where the node listens, whatever its settings', async () => {
    await using child = new ChildService('mock-node', {
      args: ['--host', '127.0.0.3', '--port', '0', '--control-port', '0'],
      env: { MOCK_HOST: '127.0.0.1', MOCK_PORT: '1', MOCK_CONTROL_PORT: '1' },
    });
    await child.waitFor(/ready/);
    expect(await healthcheck(child.pid)).toBe(0);
  });

  it('fails if no server or another server listens', async () => {
    expect(await healthcheck()).toBe(1);
    const other = createHttpServer((_request, response) => response.writeHead(500).end());
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    expect(await healthcheck()).toBe(1);
    other.close();
  });
});
