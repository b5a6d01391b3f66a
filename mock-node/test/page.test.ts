import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from './support/control-api.ts';

describe("the page at the control port's /", () => {
  const node = setUpControlApi();
  const page = async (path = '/') => {
    const response = await fetch(node.controlUrl() + path);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };

  it('needs nothing from elsewhere and nothing inline, and its policy allows nothing else', async () => {
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

  it('is there without the token and holds nothing of the node, which is only told with it', async () => {
    await node.start({ controlToken: 'open-sesame' });
    const empty = await page();
    await node.register();
    node.fault({ name: 'told-to-nobody', effect: 'status' });
    const { status, text } = await page();
    expect([status, text]).toEqual([200, empty.text]);
    expect((await node.ask('GET', '/faults')).status).toBe(401);
    const headers = { Authorization: 'Bearer open-sesame' };
    expect((await node.ask('GET', '/faults', { headers })).text).toContain('told-to-nobody');
  });
});
