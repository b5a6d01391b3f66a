import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from './support/control-api.ts';

describe('the page', () => {
  const node = setUpControlApi();
  const page = async (path = '/') => {
    const response = await fetch(node.controlUrl() + path);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  it('loads only its own files, contains no inline code, and has a policy that allows nothing else', async () => {
    await node.start();
    const { headers, text } = await page();
    const policy = headers.get('content-security-policy')?.split(';') ?? [];
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy.join()).not.toContain('unsafe');
    expect(text).not.toMatch(/ style=| on[a-z]+=|https?:\/\//);
    const parts = [...text.matchAll(/(?:src|href)="((?:base|page)\.[a-z]+)"/g)].map(([, name]) => name);
    expect(parts).toEqual(['base.css', 'page.css', 'page.js']);
    for (const name of parts) expect((await page(`/${name}`)).status).toBe(200);
  });

  it('is served without the token and contains no data of the node', async () => {
    await node.start({ controlToken: 'open-sesame' });
    const empty = await page();
    await node.register();
    node.fault({ name: 'private-fault', effect: 'status' });
    const { status, text } = await page();
    expect([status, text]).toEqual([200, empty.text]);
    expect((await node.ask('GET', '/faults')).status).toBe(401);
    const headers = { Authorization: 'Bearer open-sesame' };
    expect((await node.ask('GET', '/faults', { headers })).text).toContain('private-fault');
  });
});
