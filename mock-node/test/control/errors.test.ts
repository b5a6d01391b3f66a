import { request as rawRequest } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from '../support/control-api.ts';

const { start, ask, told, log, controlUrl } = setUpControlApi();

const FAULT = { name: 'a', effect: 'reset' };

/** With headers that `fetch` sets by itself. */
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

describe('what is wrong in a body', () => {
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
  ])('is named by its place: %s', async (_, body, pointer) => {
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

  it('is named all at once', async () => {
    await start();
    const { json } = await ask('POST', '/faults?x=1', { body: { name: 'A', effect: 'reset', y: 1, times: 0 } });
    const pointers = json.errors.map(({ pointer }: { pointer: string }) => pointer);
    expect(pointers.sort()).toEqual(['/name', '/query/x', '/times', '/y']);
  });

  it('is something in it at all, where none is taken', async () => {
    await start();
    await ask('POST', '/faults', { body: FAULT });
    expect(await ask('POST', '/faults/a/restart', { body: {} })).toMatchObject({ status: 200 });
    expect(await ask('POST', '/faults/a/restart', { body: { all: true } })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/all' }] },
    });
  });
});

describe('what is wrong in a URL', () => {
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
  ])('is named: %s', async (path, pointer) => {
    await start();
    expect(await ask('GET', path)).toMatchObject({ status: 400, json: { status: 'error', errors: [{ pointer }] } });
  });

  it('can be that it is no text at all', async () => {
    await start();
    expect(await ask('GET', '/faults/%zz')).toMatchObject({ status: 400, json: { status: 'error' } });
  });
});

describe('a body', () => {
  it.each(['{', '{"name":"a"', "{'name':'a'}", '{"name":"a"}}', '\u0000'])(
    'that is not JSON is refused: %j',
    async (body) => {
      await start();
      expect(await ask('POST', '/faults', { body })).toMatchObject({
        status: 400,
        json: { status: 'error', message: expect.stringContaining('not valid JSON') },
      });
    },
  );

  it('may have a mebibyte, and no more', async () => {
    await start();
    const sized = (bytes: number) => JSON.stringify(FAULT).padEnd(bytes, ' ');
    expect(await ask('POST', '/faults', { body: sized(1024 * 1024 + 1) })).toMatchObject({
      status: 413,
      json: { status: 'error', message: 'the body exceeds 1048576 bytes' },
    });
    expect(await ask('POST', '/faults', { body: sized(1024 * 1024) })).toMatchObject({ status: 201 });
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json-seq',
    'nonsense',
  ])('that is %s is refused, for any page can send that', async (type) => {
    await start();
    expect(await ask('POST', '/faults', { body: FAULT, headers: { 'Content-Type': type } })).toMatchObject({
      status: 415,
      json: { status: 'error' },
    });
    expect((await ask('GET', '/faults')).json).toEqual([]);
  });

  it('may say its charset, and must not be packed', async () => {
    await start();
    const type = { 'Content-Type': 'application/json; charset=utf-8' };
    expect(await ask('POST', '/faults', { body: FAULT, headers: type })).toMatchObject({ status: 201 });
    const packed = { 'Content-Encoding': 'gzip' };
    expect(await ask('POST', '/faults', { body: FAULT, headers: packed })).toMatchObject({ status: 415 });
  });
});

describe('a route', () => {
  it.each([
    ['PUT', '/config', 'GET, HEAD, PATCH'],
    ['PATCH', '/faults', 'GET, HEAD, POST, PUT, DELETE'],
    ['POST', '/faults/a', 'GET, HEAD, PATCH, DELETE'],
    ['GET', '/reset', 'POST'],
    ['GET', '/clock/advance', 'POST'],
    ['DELETE', '/requests/count', 'GET, HEAD'],
    ['OPTIONS', '/faults', 'GET, HEAD, POST, PUT, DELETE'],
  ])('does not take %s %s, and says what it takes', async (method, path, allow) => {
    await start();
    const { status, headers, json } = await ask(method, path);
    expect({ status, allow: headers.get('allow'), json }).toEqual({
      status: 405,
      allow,
      json: { status: 'error', message: `the method is not allowed here: use ${allow}` },
    });
  });

  it.each(['/fault', '/faults/', '/Faults', '/faults/a/b', '', '/'])('is none: %j', async (path) => {
    await start();
    expect(await ask('GET', path)).toMatchObject({ status: 404, json: { status: 'error' } });
  });

  it('answers HEAD as GET, without the body', async () => {
    await start();
    const { status, headers, text } = await ask('HEAD', '/faults');
    expect({ status, text, length: headers.get('content-length') }).toEqual({ status: 200, text: '', length: '2' });
  });
});

describe("another origin's page", () => {
  const PORT = () => new URL(controlUrl()).port;

  it.each([
    ['of another site', () => 'http://evil.example'],
    ['of another port of this machine', () => 'http://127.0.0.1:1'],
    ['of another name of this machine', () => `http://localhost:${PORT()}`],
    ['of nowhere', () => 'null'],
    ['that is none', () => 'nonsense'],
  ])('is refused whatever it asks: one %s', async (_, origin) => {
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
    expect(told()).toEqual([]);
  });

  it('is never let in by a header', async () => {
    await start();
    const { headers } = await ask('GET', '/faults');
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('is refused where its own name leads here', async () => {
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
  ])('is its own under a name that no stranger can have: %s', async (name) => {
    await start();
    const host = `${name}:${PORT()}`;
    expect(await askRaw('DELETE', '/faults', { Host: host, Origin: `http://${host}` })).toBe(204);
    expect(await askRaw('DELETE', '/faults', { Host: host, Origin: `https://${host}` })).toBe(204);
  });

  it('is its own under any name where there is a token, which no stranger has', async () => {
    await start({ controlToken: 'open-sesame' });
    const host = 'mock.example.com';
    const headers = { Host: host, Origin: `https://${host}` };
    expect(await askRaw('DELETE', '/faults', headers)).toBe(401);
    expect(await askRaw('DELETE', '/faults', { ...headers, Authorization: 'Bearer open-sesame' })).toBe(204);
  });

  it('is told apart from a client that is no browser, which comes under any name', async () => {
    await start();
    expect(await askRaw('DELETE', '/faults', { Host: 'mock.example.com' })).toBe(204);
  });
});

describe('the token', () => {
  const TOKEN = 'open-sesame-7';

  it.each([
    ['none', undefined],
    ['another', 'Bearer open-sesame-8'],
    ['its beginning', 'Bearer open-sesame-'],
    ['more than it', `Bearer ${TOKEN}7`],
    ['it in another way', `Basic ${TOKEN}`],
    ['it without a word', TOKEN],
    ['nothing', 'Bearer '],
  ])('is needed: %s is refused', async (_, authorization) => {
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

  it('opens', async () => {
    await start({ controlToken: TOKEN });
    for (const scheme of ['Bearer', 'bearer'])
      expect(await ask('GET', '/info', { headers: { Authorization: `${scheme} ${TOKEN}` } })).toMatchObject({
        status: 200,
      });
  });

  it('is not needed for health and metrics', async () => {
    await start({ controlToken: TOKEN });
    expect(await ask('GET', '/health/live')).toMatchObject({ status: 200 });
    expect(await ask('GET', '/health/ready')).toMatchObject({ status: 200 });
    expect((await fetch(`${controlUrl()}/metrics`)).status).toBe(200);
  });

  it('is needed before anything is said about what was sent', async () => {
    await start({ controlToken: TOKEN });
    expect(await ask('POST', '/faults', { body: '{' })).toMatchObject({ status: 401 });
    expect(await ask('GET', '/faults/absent')).toMatchObject({ status: 401 });
  });

  it('is never told, wrong or right', async () => {
    await start({ controlToken: TOKEN });
    await ask('GET', '/info', { headers: { Authorization: 'Bearer guessed-wrong' } });
    const { text } = await ask('GET', '/info', { headers: { Authorization: `Bearer ${TOKEN}` } });
    await ask('DELETE', '/faults', { headers: { Authorization: `Bearer ${TOKEN}` } });
    expect(told()).toHaveLength(1);
    const everything = JSON.stringify(log()) + text;
    expect(everything).not.toContain(TOKEN);
    expect(everything).not.toContain('guessed-wrong');
  });
});
