import { listen } from '@downstream/platform';
import { FakeLogger } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { requestAs } from '../../../test/support/request-as.ts';
import { ContractIdError } from '../../src/control/find-contract.ts';
import { createHttpApp } from '../../src/http/http-app.ts';
import { STATUS } from '../fakes/status.ts';

/** Requests a path in the given state of the farmer. */
async function get(
  path: string,
  { alive = true, missing = [] as string[], host = '127.0.0.1', log = new FakeLogger() } = {},
) {
  const scrape = async () => ({ contentType: 'text/plain; version=0.0.4', text: 'farmer_test_total 0\n' });
  const app = createHttpApp(
    { allowedHosts: ['farmer.example.org'] },
    {
      scrape,
      status: () => STATUS,
      isAlive: () => alive,
      missing: () => missing,
      contract: (id) => {
        if (id === 'broken') throw new Error('disk I/O error');
        if (id === 'starting') return undefined;
        return id === 'known' ? { contract: id } : new ContractIdError('no_contract', 'no such contract');
      },
      page: (request, response, next) => (request.path === '/' ? response.send('page') : next()),
      log,
    },
  );
  const server = await listen(app, { host: '127.0.0.1', port: 0, setting: 'X' });
  const { status, text, type } = await requestAs(host, server.url + path);
  await server.close();
  return { code: status, text, type };
}

describe('createHttpApp', () => {
  it('serves metrics', async () => {
    expect(await get('/metrics')).toMatchObject({
      code: 200,
      text: expect.stringContaining('farmer_test_total 0'),
      type: expect.stringContaining('text/plain'),
    });
  });

  it('reports healthy while the scheduler ticks, even if not ready', async () => {
    expect(await get('/healthz', { missing: ['token from the node'] })).toMatchObject({
      code: 200,
      text: '{"status":"ok"}',
    });
    expect(await get('/healthz', { alive: false })).toMatchObject({ code: 503 });
  });

  it('reports readiness, and what is missing otherwise', async () => {
    expect(await get('/readyz')).toMatchObject({ code: 200 });
    expect(await get('/readyz', { missing: ['token from the node'] })).toMatchObject({
      code: 503,
      text: expect.stringContaining('token from the node'),
    });
  });

  it('serves the status', async () => {
    const { text } = await get('/status');
    expect(JSON.parse(text)).toMatchObject({ challenges: { passed: 3, failed: 3, failedByReason: { missed: 2 } } });
  });

  it.each(['%', '%E0%A4%A', '%ff'])('responds with 400 to the malformed path /status/contracts/%s', async (id) => {
    const log = new FakeLogger();
    expect(await get(`/status/contracts/${id}`, { log })).toMatchObject({
      code: 400,
      text: expect.stringContaining('Failed to decode'),
    });
    expect(log.lines).toEqual([]);
  });

  it('responds with 500 to its own errors, and logs what it does not show', async () => {
    const log = new FakeLogger();
    const { code, text } = await get('/status/contracts/broken', { log });
    expect({ code, text }).toEqual({ code: 500, text: '{"status":"error","message":"internal error"}' });
    expect(log.messages('error')).toEqual(['request failed']);
  });

  it('serves a contract and responds with 404 if it is unknown', async () => {
    expect(await get('/status/contracts/known')).toMatchObject({ code: 200, text: '{"contract":"known"}' });
    expect(await get('/status/contracts/starting')).toMatchObject({
      code: 503,
      text: expect.stringContaining('the farmer is starting'),
    });
    expect(await get('/status/contracts/other')).toMatchObject({
      code: 404,
      text: expect.stringContaining('contract'),
    });
  });

  it('lists its paths in a 404 response', async () => {
    expect(await get('/nothing')).toMatchObject({ code: 404, text: expect.stringContaining('/metrics') });
  });

  it.each(['/', '/metrics', '/readyz', '/status', '/status/contracts/known', '/nothing'])(
    'reveals nothing under the name of another site: %s',
    async (path) => {
      expect(await get(path, { host: 'evil.example:8080' })).toMatchObject({
        code: 403,
        text: expect.stringContaining('FARMER_ALLOWED_HOSTS'),
      });
      expect((await get(path, { host: 'farmer.example.org' })).code).not.toBe(403);
    },
  );

  it('reports its health under any name', async () => {
    expect(await get('/healthz', { host: 'evil.example' })).toMatchObject({ code: 200 });
  });
});
