import { hostname } from 'node:os';
import { type HttpServer, listen } from '@downstream/platform';
import { createHostGuard, createWebApp } from '@downstream/platform/web';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { requestAs } from '../../../test/support/request-as.ts';

describe('createHostGuard', () => {
  let server: HttpServer;
  beforeAll(async () => {
    const allowed = ['farmer.example.org', '.svc.cluster.local'];
    const guard = createHostGuard({ allowed, setting: 'X_ALLOWED_HOSTS', publicPaths: ['/healthz'] });
    const app = createWebApp({ scrape: async () => ({ contentType: 'text/plain', text: 'up 1' }), guards: [guard] });
    app.get('/healthz', (_request, response) => void response.json({ status: 'ok' }));
    server = await listen(app, { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
  });
  afterAll(async () => await server.close());

  it.each([
    '127.0.0.1:8080',
    '192.0.2.7',
    '[::1]:8080',
    '[2001:db8::1]',
    'localhost:8080',
    'LOCALHOST',
    'localhost.',
    'farm.localhost',
    hostname(),
    'farmer.example.org:80',
    'Farmer.Example.org.',
    'farmer-0.farmer.ns.svc.cluster.local:8080',
  ])('accepts requests to %s', async (host) => {
    expect(await requestAs(host, `${server.url}/metrics`)).toMatchObject({ status: 200, text: 'up 1' });
  });

  it.each([
    'evil.example',
    'evil.example:8080',
    'farmer',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'xfarmer.example.org',
    'x.farmer.example.org',
    'svc.cluster.local.evil.example',
    'evil.example@127.0.0.1',
    '[evil.example]',
    '127.0.0.1:8080:80',
    '%',
  ])('rejects requests to "%s"', async (host) => {
    const { status, text } = await requestAs(host, `${server.url}/metrics`);
    expect(status).toBe(403);
    expect(text).not.toContain('up 1');
  });

  it('names the host and the setting in its error', async () => {
    expect(JSON.parse((await requestAs('evil.example:8080', `${server.url}/metrics`)).text)).toEqual({
      status: 'error',
      message: 'the host name evil.example is not allowed: add it to X_ALLOWED_HOSTS, or use the IP address',
    });
  });

  it('accepts health checks to any host', async () => {
    expect(await requestAs('evil.example', `${server.url}/healthz`)).toMatchObject({ status: 200 });
  });

  it('accepts any name if * is allowed', async () => {
    const guard = createHostGuard({ allowed: ['*'], setting: 'X', publicPaths: [] });
    const app = createWebApp({ scrape: async () => ({ contentType: 'text/plain', text: 'up 1' }), guards: [guard] });
    const open = await listen(app, { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
    expect(await requestAs('any.example', `${open.url}/metrics`)).toMatchObject({ status: 200 });
    await open.close();
  });
});
