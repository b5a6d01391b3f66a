import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type HttpServer, listen } from '@downstream/platform';
import { createPageRouter, createWebApp } from '@downstream/platform/web';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

describe('createWebApp', () => {
  let folder: string;
  let server: HttpServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'web-app-'));
    for (const name of ['page.css', 'page.js']) writeFileSync(join(folder, name), `content of ${name}`);
    const app = createWebApp({ scrape: async () => ({ contentType: 'text/plain', text: 'up 1' }) });
    app.use(createPageRouter(pathToFileURL(`${folder}/`), () => '<h1>page</h1>'));
    server = await listen(app, { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
  });
  afterAll(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const get = async (path: string) => {
    const response = await fetch(server.url + path);
    const policy = response.headers.get('content-security-policy')?.split(';');
    return { headers: response.headers, policy, text: await response.text() };
  };

  it('serves metrics with security headers, and does not allow caching', async () => {
    const { headers, policy, text } = await get('/metrics');
    expect(text).toBe('up 1');
    expect(policy).toEqual(["default-src 'none'"]);
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
    });
    for (const absent of ['x-powered-by', 'etag', 'strict-transport-security']) expect(headers.has(absent)).toBe(false);
  });

  it.each([
    ['cross-site', 'no-cors', 'image', 403],
    ['same-site', 'cors', 'empty', 403],
    ['cross-site', 'navigate', 'iframe', 403],
    ['cross-site', 'navigate', 'document', 200],
    ['same-origin', 'cors', 'empty', 200],
    ['none', 'navigate', 'document', 200],
  ])('responds to a %s request of mode %s for a %s with %i', async (site, mode, destination, status) => {
    // `fetch` would set the mode itself.
    const headers = { 'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': mode, 'Sec-Fetch-Dest': destination };
    const request = httpGet(`${server.url}/metrics`, { headers });
    const [response]: IncomingMessage[] = await once(request, 'response');
    expect(response?.statusCode).toBe(status);
    response?.resume();
  });

  it('serves a page that may load only its own files', async () => {
    const { policy, text } = await get('/');
    expect(text).toBe('<h1>page</h1>');
    expect(policy).toEqual(expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'"]));
    expect((await get('/page.js')).text).toBe('content of page.js');
    expect((await get('/base.css')).text).toContain(':root');
  });
});
