import { expect } from '@jest/globals';
import { API, setUpMockNode } from '../../support/mock-node.ts';
import { ask, talk } from '../../support/raw-client.ts';
import { testEffects } from './test-effects.ts';

const { start, url, get, fault, controller, newToken, pass } = setUpMockNode();

/** How many of so many requests are let through, and what the last one is told. */
async function burst(count: number) {
  const replies = [];
  for (let n = 0; n < count; n++) replies.push(await ask(url(), '/'));
  return { codes: replies.map(({ status }) => status), retryAfter: replies.at(-1)?.headers['retry-after'] };
}

testEffects('http', {
  status: {
    'is the status of the reply, with Retry-After where it is given': async () => {
      await start();
      fault({ effect: { kind: 'status', status: 507, retryAfterSeconds: 7 } });
      const { status, headers, body } = await ask(url(), '/');
      expect({ status, after: headers['retry-after'] }).toEqual({ status: 507, after: '7' });
      expect(JSON.parse(body.toString())).toMatchObject({ status: 'error' });
    },
    'is 503 without Retry-After if nothing else is said': async () => {
      await start();
      fault({ effect: 'status' });
      const { status, headers } = await ask(url(), '/');
      expect(status).toBe(503);
      expect(headers).not.toHaveProperty('retry-after');
    },
    'comes in place of what was asked': async () => {
      await start();
      const token = await newToken();
      fault({ match: { route: 'chunk' }, effect: 'status' });
      expect((await get(`${API}/chunk/${token}`)).code).toBe(503);
      expect(controller().ledger.running).toBe(0);
    },
    'has no body, and no length of one, where HTTP has none': async () => {
      await start();
      fault({ effect: { kind: 'status', status: 204 } });
      const { text, end } = await talk(url(), '/');
      expect(text).toMatch(/^HTTP\/1\.1 204 No Content\r\n[\s\S]*\r\n\r\n$/);
      expect(text).not.toMatch(/content-length|content-type|transfer-encoding/i);
      expect(end).toBe('closed');
    },
  },

  rate_limit: {
    'lets so many through, then says 429 and when to come again, by the clock of the node': async () => {
      await start();
      fault({ effect: { kind: 'rate_limit', requests: 2, perMs: 10_000 } });
      expect(await burst(4)).toEqual({ codes: [200, 200, 429, 429], retryAfter: '10' });
      pass(2_500);
      expect(await burst(1)).toEqual({ codes: [429], retryAfter: '8' });
      pass(7_499);
      expect(await burst(1)).toEqual({ codes: [429], retryAfter: '1' });
      pass(1);
      expect((await burst(3)).codes).toEqual([200, 200, 429]);
    },
    'counts only those that it turned away': async () => {
      await start();
      fault({ name: 'limit', effect: { kind: 'rate_limit', requests: 2, perMs: 1_000 } });
      await burst(5);
      expect(controller().faults.get('limit', 0)).toMatchObject({ matched: 5, applied: 3 });
      expect(controller().journal.find({ fault: 'limit' })).toHaveLength(3);
    },
    'keeps to its stretches of time, however long nobody asked': async () => {
      await start();
      fault({ effect: { kind: 'rate_limit', requests: 1, perMs: 1_000 } });
      pass(12_600);
      expect((await burst(2)).codes).toEqual([200, 429]);
      pass(400);
      expect((await burst(2)).codes).toEqual([200, 429]);
    },
    'says when to come again in seconds of the client, however fast the clock of the node runs': async () => {
      await start({ timeScale: 10 });
      fault({ effect: { kind: 'rate_limit', requests: 0, perMs: 60_000 } });
      expect(await burst(1)).toEqual({ codes: [429], retryAfter: '6' });
    },
  },

  html: {
    'is a page of HTML, as a proxy shows one': async () => {
      await start();
      fault({ effect: 'html' });
      const { status, headers, body } = await ask(url(), '/');
      expect(status).toBe(502);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(body.toString()).toMatch(/^<!doctype html>[\s\S]*<h1>502 Bad Gateway<\/h1>/);
    },
    'has the status that it is told to have, and calls it by its name': async () => {
      await start();
      fault({ effect: { kind: 'html', status: 504 } });
      const { status, body } = await ask(url(), '/');
      expect(status).toBe(504);
      expect(body.toString()).toContain('<h1>504 Gateway Timeout</h1>');
    },
  },

  redirect: {
    'sends the client elsewhere': async () => {
      await start();
      fault({ match: { route: 'connectivity' }, effect: { kind: 'redirect', status: 307, location: '/healthz?a=1' } });
      const { status, headers } = await ask(url(), '/');
      expect({ status, location: headers.location }).toEqual({ status: 307, location: '/healthz?a=1' });
      expect(await (await fetch(url())).json()).toEqual({ status: 'ok' });
    },
    'goes out to the letter': async () => {
      await start();
      const location = 'HTTP://[bad host/%zz  x';
      fault({ effect: { kind: 'redirect', location } });
      expect((await ask(url(), '/')).headers.location).toBe(location);
    },
  },
});
