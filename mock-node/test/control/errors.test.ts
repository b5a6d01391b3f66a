import { request as rawRequest } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { requestAs } from '../../../test/support/request-as.ts';
import { setUpControlApi } from '../support/control-api.ts';

const { start, ask, loggedChanges, log, url, controlUrl } = setUpControlApi();

const FAULT = { name: 'a', effect: 'reset' };

/** Sends headers that `fetch` does not allow to set. */
async function askRaw(method: string, path: string, headers: Record<string, string>): Promise<number | undefined> {
  const { hostname, port } = new URL(controlUrl());
  return await new Promise((resolve, reject) => {
    rawRequest({ hostname, port, path: `/__admin${path}`, method, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    })
      .on('error', reject)
      .end();
  });
}

describe('an invalid body', () => {
  it.each([
    ['an unknown field', { ...FAULT, probabilty: 1 }, '/probabilty'],
    ['an unknown field further inside', { ...FAULT, match: { rout: 'due' } }, '/match/rout'],
    ["an effect's unknown field", { name: 'a', effect: { kind: 'hang', ms: 1 } }, '/effect/ms'],
    ['a field whose name must be escaped', { ...FAULT, 'a/b~c': 1 }, '/a~1b~0c'],
    ['a field that every object has', JSON.parse(`{"name":"a","effect":"reset","__proto__":{}}`), '/__proto__'],
    ['a field of another type', { ...FAULT, times: '3' }, '/times'],
    ['a field out of its bounds', { ...FAULT, probability: 1.5 }, '/probability'],
    ['a field that is missing', { name: 'a' }, '/effect'],
    ['a parameter that is missing', { name: 'a', effect: 'fixed' }, '/effect/ms'],
    ['an effect that there is not', { name: 'a', effect: 'explode' }, '/effect/kind'],
    ['a route that there is not', { ...FAULT, match: { route: 'home' } }, '/match/route'],
    ['one route of several', { ...FAULT, match: { route: ['due', 'home'] } }, '/match/route/1'],
    [
      'a route where the effect never has any',
      { name: 'a', match: { route: 'due' }, effect: 'no_chunks' },
      '/match/route',
    ],
    ['a list in place of an object', [FAULT], ''],
    ['a text in place of an object', '"reset"', ''],
    ['null', 'null', ''],
    ['nothing at all', undefined, ''],
  ])('is reported with a pointer: %s', async (_, body, pointer) => {
    await start();
    const { status, json } = await ask('POST', '/faults', { body });
    expect({ status, json }).toEqual({
      status: 400,
      json: {
        status: 'error',
        message: 'invalid request',
        errors: [{ pointer, message: expect.stringMatching(/\w/) }],
      },
    });
    expect((await ask('GET', '/faults')).json).toEqual([]);
  });

  it('is reported with all errors', async () => {
    await start();
    const { json } = await ask('POST', '/faults?x=1', { body: { name: 'A', effect: 'reset', y: 1, times: 0 } });
    const pointers = json.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.sort()).toEqual(['/name', '/query/x', '/times', '/y']);
  });

  it('is any body of an operation that has none', async () => {
    await start();
    await ask('POST', '/faults', { body: FAULT });
    expect(await ask('POST', '/faults/a/restart', { body: {} })).toMatchObject({ status: 200 });
    expect(await ask('POST', '/faults/a/restart', { body: { all: true } })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/all' }] },
    });
  });
});

describe('an invalid URL', () => {
  it.each([
    ['/requests?colour=red', '/query/colour'],
    ['/requests?limit=0', '/query/limit'],
    ['/requests?limit=many', '/query/limit'],
    ['/requests?route=home', '/query/route'],
    ['/requests?route=due&route=new', '/query/route'],
    ['/requests?status=ok', '/query/status'],
    ['/requests?fault=A', '/query/fault'],
    ['/requests/wait?timeoutMs=60001', '/query/timeoutMs'],
    ['/requests/wait?timeoutMs=-1', '/query/timeoutMs'],
    ['/requests/wait?count=0', '/query/count'],
    ['/requests/unmatched?limit=1', '/query/limit'],
    ['/contracts?limit=100001', '/query/limit'],
    ['/clock?mode=frozen', '/query/mode'],
    ['/health/live?x', '/query/x'],
    ['/faults/Busy', '/path/name'],
    ['/faults/a%2Fb', '/path/name'],
    ['/faults/%F0%9F%92%A5', '/path/name'],
    [`/faults/${'a'.repeat(41)}`, '/path/name'],
    ['/contracts/abc', '/path/hash'],
    [`/contracts/${'A'.repeat(64)}`, '/path/hash'],
  ])('is reported with a pointer: %s', async (path, pointer) => {
    await start();
    expect(await ask('GET', path)).toMatchObject({ status: 400, json: { status: 'error', errors: [{ pointer }] } });
  });

  it('is rejected if it is not valid UTF-8', async () => {
    await start();
    expect(await ask('GET', '/faults/%zz')).toMatchObject({ status: 400, json: { status: 'error' } });
  });
});

describe('a body that cannot be parsed', () => {
  it.each(['{', '{"name":"a"', "{'name':'a'}", '{"name":"a"}}', '\u0000'])(
    'is rejected as invalid JSON: %j',
    async (body) => {
      await start();
      expect(await ask('POST', '/faults', { body })).toMatchObject({
        status: 400,
        json: { status: 'error', message: expect.stringContaining('not valid JSON') },
      });
    },
  );

  it('is rejected beyond 1 MiB', async () => {
    await start();
    const sized = (bytes: number) => JSON.stringify(FAULT).padEnd(bytes, ' ');
    expect(await ask('POST', '/faults', { body: sized(1024 * 1024 + 1) })).toMatchObject({
      status: 413,
      json: { status: 'error', message: 'the body exceeds 1048576 bytes' },
    });
    expect(await ask('POST', '/faults', { body: sized(1024 * 1024) })).toMatchObject({ status: 201 });
  });

  it('is rejected if it has more than 10 000 values, before each of them is validated', async () => {
    await start();
    const parts = Array(500_000).fill(1);
    expect(await ask('POST', '/reset', { body: { parts } })).toMatchObject({
      status: 413,
      json: { status: 'error', message: 'the body has more than 10000 values' },
    });
    const nested = Array(20).fill(parts.slice(0, 1_000));
    expect(await ask('PUT', '/faults', { body: nested })).toMatchObject({ status: 413 });
  });

  it('gets at most 20 errors in its response', async () => {
    await start();
    expect((await ask('PUT', '/faults', { body: Array(90).fill(0) })).json.errors).toHaveLength(20);
    const unknown = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`field${n}`, n]));
    expect((await ask('PATCH', '/config', { body: unknown })).json.errors).toHaveLength(20);
  });

  it('is rejected if it lists more parts than there are', async () => {
    await start();
    const parts = Array(6).fill('clock');
    expect(await ask('POST', '/reset', { body: { parts } })).toMatchObject({ status: 400 });
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-seq',
    'nonsense',
  ])('is rejected with the content type %s, which any page can send', async (type) => {
    await start();
    expect(await ask('POST', '/faults', { body: FAULT, headers: { 'Content-Type': type } })).toMatchObject({
      status: 415,
      json: { status: 'error' },
    });
    expect((await ask('GET', '/faults')).json).toEqual([]);
  });

  it('is accepted with a charset and rejected with a content encoding', async () => {
    await start();
    const type = { 'Content-Type': 'application/json; charset=utf-8' };
    expect(await ask('POST', '/faults', { body: FAULT, headers: type })).toMatchObject({ status: 201 });
    const packed = { 'Content-Encoding': 'gzip' };
    expect(await ask('POST', '/faults', { body: FAULT, headers: packed })).toMatchObject({ status: 415 });
  });
});

describe('a route of the control API', () => {
  it.each([
    ['PUT', '/config', 'GET, HEAD, PATCH'],
    ['PATCH', '/faults', 'GET, HEAD, POST, PUT, DELETE'],
    ['POST', '/faults/a', 'GET, HEAD, PATCH, DELETE'],
    ['GET', '/reset', 'POST'],
    ['GET', '/clock/advance', 'POST'],
    ['DELETE', '/requests/count', 'GET, HEAD'],
    ['OPTIONS', '/faults', 'GET, HEAD, POST, PUT, DELETE'],
  ])('rejects %s %s and lists the allowed methods', async (method, path, allow) => {
    await start();
    const { status, headers, json } = await ask(method, path);
    expect({ status, allow: headers.get('allow'), json }).toEqual({
      status: 405,
      allow,
      json: { status: 'error', message: `the method is not allowed here: use ${allow}` },
    });
  });

  it.each(['/fault', '/faults/', '/Faults', '/faults/a/b', '', '/'])('does not exist: %j', async (path) => {
    await start();
    expect(await ask('GET', path)).toMatchObject({ status: 404, json: { status: 'error' } });
  });

  it('responds to HEAD as to GET, without the body', async () => {
    await start();
    const { status, headers, text } = await ask('HEAD', '/faults');
    expect({ status, text, length: headers.get('content-length') }).toEqual({ status: 200, text: '', length: '2' });
  });
});

describe('a page of another origin', () => {
  const PORT = () => new URL(controlUrl()).port;

  it.each([
    ['of another site', () => 'http://evil.example'],
    ['of another port of this machine', () => 'http://127.0.0.1:1'],
    ['of another name of this machine', () => `http://localhost:${PORT()}`],
    ['of nowhere', () => 'null'],
    ['that is none', () => 'nonsense'],
  ])('is rejected for each operation: a page %s', async (_, origin) => {
    await start();
    const headers = { Origin: origin() };
    expect(await ask('POST', '/faults', { body: FAULT, headers })).toMatchObject({
      status: 403,
      json: { status: 'error' },
    });
    expect(await ask('POST', '/reset', { headers })).toMatchObject({ status: 403 });
    expect(await ask('OPTIONS', '/faults', { headers })).toMatchObject({ status: 403 });
    expect(await ask('GET', '/events', { headers })).toMatchObject({ status: 403 });
    expect((await ask('GET', '/faults')).json).toEqual([]);
    expect(loggedChanges()).toEqual([]);
  });

  it('gets no CORS headers', async () => {
    await start();
    const { headers } = await ask('GET', '/faults');
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('is rejected if its own name resolves to the node', async () => {
    await start();
    const rebound = `evil.example:${PORT()}`;
    expect(await askRaw('DELETE', '/faults', { Host: rebound, Origin: `http://${rebound}` })).toBe(403);
  });

  it.each([
    '127.0.0.1',
    'localhost',
    'mock-node',
    '[::1]',
    'node.localhost',
    'host.docker.internal',
    'mock.ns.svc.cluster.local',
  ])('is not a page with an allowed host name: %s', async (name) => {
    await start({ allowedHosts: ['mock-node', 'host.docker.internal', '.svc.cluster.local'] });
    const host = `${name}:${PORT()}`;
    expect(await askRaw('DELETE', '/faults', { Host: host, Origin: `http://${host}` })).toBe(204);
    expect(await askRaw('DELETE', '/faults', { Host: host, Origin: `https://${host}` })).toBe(204);
  });

  it('is not a page of the same origin if there is a token', async () => {
    await start({ controlToken: 'open-sesame' });
    const host = 'mock.example.com';
    const headers = { Host: host, Origin: `https://${host}` };
    expect(await askRaw('DELETE', '/faults', headers)).toBe(401);
    expect(await askRaw('DELETE', '/faults', { ...headers, Authorization: 'Bearer open-sesame' })).toBe(204);
  });

  it.each(['/info', '/config', '/contracts', '/events', '/requests', '/openapi.json'])(
    'cannot read %s with a host name that is not allowed',
    async (path) => {
      await start();
      for (const name of ['evil.example', 'mock-node', 'node.internal', 'node.local'])
        expect(await askRaw('GET', path, { Host: `${name}:${PORT()}` })).toBe(403);
      expect(await askRaw('GET', '/health/ready', { Host: 'evil.example' })).toBe(200);
    },
  );

  it('cannot read the metrics of either port, nor the page, with a host name that is not allowed', async () => {
    await start();
    for (const address of [`${url()}/metrics`, `${controlUrl()}/metrics`, `${controlUrl()}/`]) {
      expect(await requestAs('evil.example', address)).toMatchObject({
        status: 403,
        text: expect.stringContaining('MOCK_ALLOWED_HOSTS'),
      });
      expect(await requestAs('127.0.0.1', address)).toMatchObject({ status: 200 });
    }
    expect(await requestAs('node.example', `${url()}/healthz`)).toMatchObject({ status: 200 });
  });
});

describe('the control token', () => {
  const TOKEN = 'open-sesame-7';

  it.each([
    ['none', undefined],
    ['another', 'Bearer open-sesame-8'],
    ['its beginning', 'Bearer open-sesame-'],
    ['more than it', `Bearer ${TOKEN}7`],
    ['it in another way', `Basic ${TOKEN}`],
    ['it without a word', TOKEN],
    ['nothing', 'Bearer '],
  ])('is required: %s is rejected', async (_, authorization) => {
    await start({ controlToken: TOKEN });
    const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
    for (const [method, path] of [
      ['GET', '/info'],
      ['GET', '/events'],
      ['GET', '/openapi.json'],
      ['DELETE', '/faults'],
    ] as const) {
      const refused = await ask(method, path, { headers });
      expect(refused).toMatchObject({ status: 401, json: { status: 'error' } });
      expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  it('grants access', async () => {
    await start({ controlToken: TOKEN });
    for (const scheme of ['Bearer', 'bearer'])
      expect(await ask('GET', '/info', { headers: { Authorization: `${scheme} ${TOKEN}` } })).toMatchObject({
        status: 200,
      });
  });

  it('is required for the metrics of both ports', async () => {
    await start({ controlToken: TOKEN });
    for (const address of [`${url()}/metrics`, `${controlUrl()}/metrics`]) {
      const denied = await fetch(address);
      expect({ status: denied.status, scheme: denied.headers.get('www-authenticate') }).toEqual({
        status: 401,
        scheme: 'Bearer',
      });
      expect(await fetch(address, { headers: { Authorization: `Bearer ${TOKEN}` } })).toMatchObject({ status: 200 });
    }
  });

  it('is not required for health', async () => {
    await start({ controlToken: TOKEN });
    expect(await ask('GET', '/health/live')).toMatchObject({ status: 200 });
    expect(await ask('GET', '/health/ready')).toMatchObject({ status: 200 });
  });

  it('is checked before the request is validated', async () => {
    await start({ controlToken: TOKEN });
    expect(await ask('POST', '/faults', { body: '{' })).toMatchObject({ status: 401 });
    expect(await ask('GET', '/faults/absent')).toMatchObject({ status: 401 });
  });

  it('never appears in a response or in the log', async () => {
    await start({ controlToken: TOKEN });
    await ask('GET', '/info', { headers: { Authorization: 'Bearer guessed-wrong' } });
    const { text } = await ask('GET', '/info', { headers: { Authorization: `Bearer ${TOKEN}` } });
    await ask('DELETE', '/faults', { headers: { Authorization: `Bearer ${TOKEN}` } });
    expect(loggedChanges()).toHaveLength(1);
    const everything = JSON.stringify(log()) + text;
    expect(everything).not.toContain(TOKEN);
    expect(everything).not.toContain('guessed-wrong');
  });
});
