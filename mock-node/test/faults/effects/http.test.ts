import { expect } from '@jest/globals';
import { API, setUpMockNode } from '../../support/mock-node.ts';
import { ask, talk } from '../../support/raw-client.ts';
import { testEffects } from './test-effects.ts';

const { start, url, get, fault, controller, newToken, pass } = setUpMockNode();

/** The number of requests within the limit, and the headers of the last response. */
async function burst(count: number) {
  const responses = [];
  for (let n = 0; n < count; n++) responses.push(await ask(url(), '/'));
  return { codes: responses.map(({ status }) => status), retryAfter: responses.at(-1)?.headers['retry-after'] };
}

testEffects('http', {
  status: {
    'responds with the status and the optional Retry-After': async () => {
      await start();
      fault({ effect: { kind: 'status', status: 507, retryAfterSeconds: 7 } });
      const { status, headers, body } = await ask(url(), '/');
      expect({ status, after: headers['retry-after'] }).toEqual({ status: 507, after: '7' });
      expect(JSON.parse(body.toString())).toMatchObject({ status: 'error' });
    },
    'responds with 503 without Retry-After by default': async () => {
      await start();
      fault({ effect: 'status' });
      const { status, headers } = await ask(url(), '/');
      expect(status).toBe(503);
      expect(headers).not.toHaveProperty('retry-after');
    },
    'does not process the request': async () => {
      await start();
      const token = await newToken();
      fault({ match: { route: 'chunk' }, effect: 'status' });
      expect((await get(`${API}/chunk/${token}`)).code).toBe(503);
      expect(controller().ledger.running).toBe(0);
    },
    'sends no body and no length with statuses that have none': async () => {
      await start();
      fault({ effect: { kind: 'status', status: 204 } });
      const { text, end } = await talk(url(), '/');
      expect(text).toMatch(/^HTTP\/1\.1 204 No Content\r\n[\s\S]*\r\n\r\n$/);
      expect(text).not.toMatch(/content-length|content-type|transfer-encoding/i);
      expect(end).toBe('closed');
    },
  },

  rate_limit: {
    'responds with 429 and Retry-After beyond the limit, by the clock of the node': async () => {
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
    'counts only rejected requests as applied': async () => {
      await start();
      fault({ name: 'limit', effect: { kind: 'rate_limit', requests: 2, perMs: 1_000 } });
      await burst(5);
      expect(controller().faults.get('limit', 0)).toMatchObject({ matched: 5, applied: 3 });
      expect(controller().journal.find({ fault: 'limit' })).toHaveLength(3);
    },
    'keeps its periods across pauses': async () => {
      await start();
      fault({ effect: { kind: 'rate_limit', requests: 1, perMs: 1_000 } });
      pass(12_600);
      expect((await burst(2)).codes).toEqual([200, 429]);
      pass(400);
      expect((await burst(2)).codes).toEqual([200, 429]);
    },
    'sends Retry-After in seconds of real time at any scale of the clock': async () => {
      await start({ timeScale: 10 });
      fault({ effect: { kind: 'rate_limit', requests: 0, perMs: 60_000 } });
      expect(await burst(1)).toEqual({ codes: [429], retryAfter: '6' });
    },
  },

  html: {
    'responds with an HTML page': async () => {
      await start();
      fault({ effect: 'html' });
      const { status, headers, body } = await ask(url(), '/');
      expect(status).toBe(502);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(body.toString()).toMatch(/^<!doctype html>[\s\S]*<h1>502 Bad Gateway<\/h1>/);
    },
    'uses the configured status and its name': async () => {
      await start();
      fault({ effect: { kind: 'html', status: 504 } });
      const { status, body } = await ask(url(), '/');
      expect(status).toBe(504);
      expect(body.toString()).toContain('<h1>504 Gateway Timeout</h1>');
    },
  },

  redirect: {
    'redirects to the location': async () => {
      await start();
      fault({ match: { route: 'connectivity' }, effect: { kind: 'redirect', status: 307, location: '/healthz?a=1' } });
      const { status, headers } = await ask(url(), '/');
      expect({ status, location: headers.location }).toEqual({ status: 307, location: '/healthz?a=1' });
      expect(await (await fetch(url())).json()).toEqual({ status: 'ok' });
    },
    'sends the location unchanged': async () => {
      await start();
      const location = 'HTTP://[bad host/%zz  x';
      fault({ effect: { kind: 'redirect', location } });
      expect((await ask(url(), '/')).headers.location).toBe(location);
    },
  },
});
