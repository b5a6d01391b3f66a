import type { RequestListener } from 'node:http';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { NodeError, type NodeErrorCode } from '../../src/farming/errors.ts';
import { NodeHttp } from '../../src/node/node-http.ts';
import { PrototypeNode } from '../../src/node/prototype-node.ts';
import { readWhole } from '../../src/node/responses.ts';
import { always, rawServer } from '../fakes/raw-server.ts';

const TOKEN = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const HASH = '05ec'.padEnd(64, '0');
const ANSWER = { id: HASH, reference: HASH, response: 'r' };
const CONTRACT = { secret: 'd9fc3360c7', file_hash: HASH, challenge: '0.012381234', interval: 60 };

/** @returns the result of a call against a server with this handler, or its NodeError */
async function call<T>(
  handler: RequestListener,
  operation: (node: PrototypeNode) => Promise<T>,
): Promise<T | NodeError> {
  await using server = await rawServer(handler);
  const http = new NodeHttp(server.url);
  try {
    return await operation(new PrototypeNode(http));
  } catch (error) {
    if (error instanceof NodeError) return error;
    throw error;
  } finally {
    http.close();
  }
}
const getErrorCode = async (handler: RequestListener, operation: (node: PrototypeNode) => Promise<unknown>) => {
  const result = await call(handler, operation);
  return result instanceof NodeError ? result.code : 'no error';
};
const requestContract = async (node: PrototypeNode) => (await node.requestContracts(TOKEN))[0];
const reply = (body: unknown) => always(JSON.stringify(body));

describe('PrototypeNode.register', () => {
  it.each([
    ['as JSON', `{"token":"${TOKEN}"}`],
    ['as plain text, as older nodes send it', `${TOKEN}\n`],
  ])('accepts a token %s', async (_, body) => {
    expect(await call(always(body), (node) => node.register('address'))).toBe(TOKEN);
  });

  it.each<[string, RequestListener, NodeErrorCode]>([
    ['an HTML page', always('<html><body>hello</body></html>', 200, 'text/html'), 'invalid_response'],
    ['a token with a path in it', reply({ token: '../../etc/passwd' }), 'invalid_response'],
    ['an empty token', reply({ token: '' }), 'invalid_response'],
    ['a token of 10 MB', reply({ token: 'x'.repeat(10_000_000) }), 'invalid_response'],
    ['a response with HTTP 400', always('{"status":"error","message":"Invalid address."}', 400), 'rejected'],
    ['a response with HTTP 500', always('oops', 500, 'text/plain'), 'http_error'],
  ])('rejects %s', async (_, handler, code) => {
    const onlyNew: RequestListener = (request, response) =>
      request.url === '/' ? always('{"msg":"ok"}')(request, response) : handler(request, response);
    expect(await getErrorCode(onlyNew, (node) => node.register('address'))).toBe(code);
  });

  it('does not request a token when the server root responds with an error', async () => {
    await using server = await rawServer(always('no', 404));
    const http = new NodeHttp(server.url);
    await expect(new PrototypeNode(http).register('address')).rejects.toMatchObject({ code: 'http_error' });
    expect(server.requests.map(({ url }) => url)).toEqual(['/']);
    http.close();
  });
});

describe('PrototypeNode.requestContracts', () => {
  it('reads contracts with a secret and with a URL', async () => {
    expect(await call(reply(CONTRACT), requestContract)).toEqual({
      id: HASH,
      reference: HASH,
      source: { kind: 'secret', secret: 'd9fc3360c7' },
      challenge: '0.012381234',
      intervalMs: 60_000,
    });
    const { secret: _, ...rest } = CONTRACT;
    const url = `http://node/api/downstream/download/${HASH}`;
    expect(await call(reply({ ...rest, url }), requestContract)).toMatchObject({ source: { kind: 'url', url } });
  });

  it('returns undefined when the node has no contract', async () => {
    expect(await call(reply({ status: 'no_chunks' }), requestContract)).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ['a path for a hash', { ...CONTRACT, file_hash: '../../etc/passwd' }],
    ['a hash of 10 MB', { ...CONTRACT, file_hash: 'a'.repeat(10_000_000) }],
    ['an empty hash', { ...CONTRACT, file_hash: '' }],
    ['an uppercase hash', { ...CONTRACT, file_hash: HASH.toUpperCase() }],
    ['a hash with a newline', { ...CONTRACT, file_hash: `${HASH}\n` }],
    ['interval 0', { ...CONTRACT, interval: 0 }],
    ['a negative interval', { ...CONTRACT, interval: -60 }],
    ['an interval that is text', { ...CONTRACT, interval: '60' }],
    ['no interval', { ...CONTRACT, interval: null }],
    ['an endless interval', { ...CONTRACT, interval: 1e300 }],
    ['neither secret nor url', { ...CONTRACT, secret: undefined }],
    ['both secret and url', { ...CONTRACT, url: 'http://node/x' }],
    ['a file URL', { ...CONTRACT, secret: undefined, url: 'file:///etc/passwd' }],
    ['a challenge that is a number', { ...CONTRACT, challenge: 0.1 }],
    ['a list instead of an object', [CONTRACT]],
    ['a string instead of an object', 'hello'],
    ['null instead of an object', null],
  ])('rejects a contract with %s', async (_, body) => {
    expect(await getErrorCode(reply(body), requestContract)).toBe('invalid_response');
  });

  it('rejects an interval of NaN, which is not JSON', async () => {
    expect(await getErrorCode(always(JSON.stringify(CONTRACT).replace('60}', 'NaN}')), requestContract)).toBe(
      'invalid_response',
    );
  });

  it.each<[string, RequestListener, NodeErrorCode]>([
    ['an unknown token, under 200', reply({ status: 'no_token' }), 'no_token'],
    ['an unknown token, under 404', always('{"status":"no_token"}', 404), 'no_token'],
    ['an error, under 200', reply({ status: 'error', message: 'no' }), 'rejected'],
    ['an error, under 400', always('{"status":"error"}', 400), 'rejected'],
    ['a gateway page', always('<html>Bad Gateway</html>', 502, 'text/html'), 'http_error'],
    ['HTML under 200', always('<html>Welcome</html>', 200, 'text/html'), 'invalid_response'],
    ['truncated JSON', always('{"secret":"d9fc'), 'invalid_response'],
    ['a redirect elsewhere', (_q, r) => void r.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(), 'http_error'],
    [
      'a body that breaks off',
      (_q, r) => {
        r.writeHead(200, { 'Content-Length': '1000' }).write('{"s');
        setImmediate(() => r.destroy());
      },
      'invalid_response',
    ],
    ['a connection that is cut', (q) => void q.socket.destroy(), 'unreachable'],
    ['no HTTP at all', (q) => void q.socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n'), 'invalid_response'],
    ['100 MB', (_q, r) => flood(r, 100), 'invalid_response'],
  ])('rejects %s', async (_, handler, code) => {
    expect(await getErrorCode(handler, requestContract)).toBe(code);
  });
});

function flood(response: Parameters<RequestListener>[1], megabytes: number): void {
  const piece = Buffer.alloc(1_000_000, '[');
  let sent = 0;
  const more = () => {
    while (sent++ < megabytes) if (!response.write(piece)) return;
    response.end();
  };
  response.on('drain', more).on('error', () => {});
  more();
}

describe('PrototypeNode.listContracts', () => {
  const OTHER = 'f'.repeat(64);
  const NONE_SKIPPED = { invalid_contract: 0, invalid_challenge: 0, surplus: 0 };
  const list = async (body: unknown, isKnown?: (id: string) => boolean) =>
    await call(reply(body), (node) => node.listContracts(TOKEN, isKnown && { isKnown }));

  it('lists held contracts and open challenges', async () => {
    const body = {
      all_contracts: [{ hash: HASH }, { hash: OTHER }],
      due_contracts: [{ hash: HASH, challenge: '0.5' }],
    };
    expect(await list(body)).toEqual({
      held: new Set([HASH, OTHER]),
      open: new Map([[HASH, '0.5']]),
      skipped: NONE_SKIPPED,
    });
  });

  it('counts a contract with an open challenge as held', async () => {
    const body = { all_contracts: [], due_contracts: [{ hash: HASH, challenge: '0.5' }] };
    expect(await list(body)).toMatchObject({ held: new Set([HASH]) });
  });

  it.each<[string, unknown]>([
    ['a path instead of a hash', { hash: '../x' }],
    ['an uppercase hash', { hash: HASH.toUpperCase() }],
    ['a hash that is a number', { hash: 5 }],
    ['no hash', {}],
    ['null', null],
    ['text', HASH],
    ['nested arrays', [[[[0]]]]],
    ['a text of 1 MB', 'x'.repeat(1_000_000)],
    ['a hundred thousand numbers', Array(100_000).fill(0)],
  ])('skips and counts only the entry with %s', async (_, entry) => {
    const body = {
      all_contracts: [entry, { hash: HASH }, { hash: OTHER }],
      due_contracts: [{ hash: HASH, challenge: '0.5' }, entry, { hash: OTHER, challenge: '0.6' }],
    };
    expect(await list(body)).toEqual({
      held: new Set([HASH, OTHER]),
      open: new Map([
        [HASH, '0.5'],
        [OTHER, '0.6'],
      ]),
      skipped: { ...NONE_SKIPPED, invalid_contract: 2 },
    });
  });

  it.each<[string, unknown]>([
    ['is too long', 'x'.repeat(2_000)],
    ['is a number', 0.5],
    ['is empty', ''],
    ['is missing', undefined],
  ])('skips a challenge that %s, but not its contract', async (_, challenge) => {
    const body = {
      all_contracts: [],
      due_contracts: [
        { hash: HASH, challenge },
        { hash: OTHER, challenge: '0.6' },
      ],
    };
    expect(await list(body)).toEqual({
      held: new Set([HASH, OTHER]),
      open: new Map([[OTHER, '0.6']]),
      skipped: { ...NONE_SKIPPED, invalid_challenge: 1 },
    });
  });

  it('keeps the first of several challenges of one contract', async () => {
    const due = ['0.5', '0.6', '0.5'].map((challenge) => ({ hash: HASH, challenge }));
    expect(await list({ all_contracts: [], due_contracts: due })).toMatchObject({
      open: new Map([[HASH, '0.5']]),
      skipped: { invalid_challenge: 1 },
    });
  });

  it('keeps all known contracts and 1,000 others of a listing with 20,000', async () => {
    const entries = Array.from({ length: 20_000 }, (_, n) => ({ hash: String(n).padStart(64, '0'), challenge: '0.5' }));
    const all = [...entries, { hash: HASH }];
    const due = [...entries, { hash: HASH, challenge: '0.7' }];
    const listing = await list({ all_contracts: all, due_contracts: due }, (id) => id === HASH);
    expect(listing).toMatchObject({ open: new Map([[HASH, '0.7']]), skipped: { surplus: 38_000 } });
    expect(listing instanceof NodeError ? 0 : listing.held.size).toBe(1_001);
  });

  it.each<[string, unknown]>([
    ['the response of the stub of September 2014', { contracts: 'data' }],
    ['a response without held contracts', { due_contracts: [] }],
    ['a response whose contracts are no list', { all_contracts: {}, due_contracts: [] }],
    ['a response with thousands of invalid entries', { all_contracts: Array(20_000).fill(0), due_contracts: [] }],
  ])('rejects %s', async (_, body) => {
    expect(await getErrorCode(reply(body), (node) => node.listContracts(TOKEN))).toBe('invalid_response');
  });

  it('limits the size of a listing by the contracts that the farmer may have', async () => {
    const body = `${JSON.stringify({ all_contracts: [], due_contracts: [] })}${' '.repeat(5 * 1024 * 1024)}`;
    const listFor = async (maxContracts: number) =>
      await getErrorCode(always(body), (node) => node.listContracts(TOKEN, { maxContracts }));
    expect([await listFor(5), await listFor(1_000)]).toEqual(['invalid_response', 'no error']);
  });

  it('reads only the start of an error response', async () => {
    const body = `${' '.repeat(1_000_000)}{"status":"no_token"}`;
    expect(await getErrorCode(always(body, 503), (node) => node.listContracts(TOKEN))).toBe('http_error');
  });

  it('reports a rejected token', async () => {
    expect(await getErrorCode(reply({ status: 'no_token' }), (node) => node.listContracts(TOKEN))).toBe('no_token');
  });
});

describe('PrototypeNode.answer', () => {
  it.each([
    ['pass', 'passed'],
    ['fail', 'failed'],
  ])('returns the verdict of %s', async (status, verdict) => {
    expect(await call(reply({ status }), (node) => node.answer(TOKEN, [ANSWER]))).toEqual([verdict]);
  });

  it.each<[string, NodeErrorCode]>([
    ['no_hash', 'no_hash'],
    ['no_token', 'no_token'],
    ['error', 'rejected'],
    ['maybe', 'rejected'],
  ])('throws when the status is %s', async (status, code) => {
    expect(await getErrorCode(reply({ status }), (node) => node.answer(TOKEN, [ANSWER]))).toBe(code);
  });
});

describe('NodeHttp', () => {
  it('stops reading a response of 100 MB', async () => {
    expect(await call((_request, response) => flood(response, 100), requestContract)).toMatchObject({
      code: 'invalid_response',
      details: { maxBytes: 64 * 1024 },
    });
  });

  it('sends a listing while the maximum number of answers and downloads hang', async () => {
    const listing = JSON.stringify({ all_contracts: [], due_contracts: [] });
    const hanging: RequestListener = (request, response) => {
      if (request.url?.includes('/due/')) always(listing)(request, response);
    };
    await using server = await rawServer(hanging);
    const http = new NodeHttp(server.url);
    const node = new PrototypeNode(http);
    const end = new AbortController();
    const answers = Array.from({ length: 40 }, async () => {
      await node.answer(TOKEN, [ANSWER], { signal: end.signal }).catch(() => {});
    });
    expect(await node.listContracts(TOKEN, { timeoutMs: 10_000 })).toMatchObject({ open: new Map() });
    end.abort();
    await Promise.all(answers);
    http.close();
  });

  it('uses the methods and paths of the protocol', async () => {
    await using server = await rawServer((request, response) => {
      const body = request.url?.includes('/remove/') ? '{"status":"ok"}' : '{"status":"pass"}';
      always(body)(request, response);
    });
    const http = new NodeHttp(server.url);
    const node = new PrototypeNode(http);
    await node.answer(TOKEN, [{ ...ANSWER, response: 'ab' }]);
    await node.release(TOKEN, { id: HASH });
    expect(server.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET /api/downstream/challenge/${TOKEN}/${HASH}/ab`,
      `DELETE /api/downstream/remove/${TOKEN}/${HASH}`,
    ]);
    http.close();
  });

  it('ends a request at its timeout', async () => {
    await using server = await rawServer((_request, response) => void response.write('{'));
    const http = new NodeHttp(server.url);
    const request = { route: 'chunk', path: '/', maxBytes: 100, timeoutMs: 50, read: readWhole } as const;
    await expect(http.request(request)).rejects.toMatchObject({ code: 'timeout' });
    http.close();
  });

  it('throws the reason of the abort signal, not a NodeError', async () => {
    await using server = await rawServer(() => {});
    const http = new NodeHttp(server.url);
    const reason = new Error('stop');
    const controller = new AbortController();
    const call = new PrototypeNode(http).requestContracts(TOKEN, { signal: controller.signal });
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    http.close();
  });

  it('reports unreachable when nothing listens at the URL', async () => {
    const http = new NodeHttp('http://127.0.0.1:1');
    await expect(new PrototypeNode(http).requestContracts(TOKEN)).rejects.toMatchObject({ code: 'unreachable' });
    http.close();
  });

  it('reports the outcome of each request to the observer', async () => {
    const seen: string[] = [];
    await using server = await rawServer(reply({ status: 'no_token' }));
    const http = new NodeHttp(server.url, { observe: ({ route, outcome }) => seen.push(`${route} ${outcome}`) });
    await new PrototypeNode(http).requestContracts(TOKEN).catch(() => {});
    expect(seen).toEqual(['chunk no_token']);
    http.close();
  });

  it('sends a request id and includes it in the outcome and the error', async () => {
    const ids: unknown[] = [];
    await using server = await rawServer((request, response) => {
      ids.push(request.headers['x-request-id']);
      reply({ status: 'no_token' })(request, response);
    });
    const http = new NodeHttp(server.url, { observe: ({ request }) => ids.push(request) });
    const node = new PrototypeNode(http);
    await node.requestContracts(TOKEN).catch((error: NodeError) => ids.push(error.details['request']));
    await node.requestContracts(TOKEN).catch((error: NodeError) => ids.push(error.details['request']));
    const [first, , , second] = ids;
    expect(ids).toEqual([first, first, first, second, second, second]);
    expect([first, second]).toEqual([expect.stringMatching(/^[0-9a-f]{12}$/), expect.stringMatching(/^[0-9a-f]{12}$/)]);
    expect(second).not.toBe(first);
    http.close();
  });

  it.each<[string, RequestListener]>([
    ['breaks off', (request) => void request.socket.destroy()],
    ['is HTML', always('<html>', 500, 'text/html')],
    ['is too long', (_request, response) => flood(response, 1)],
    ['echoes the token', reply({ status: 'error', message: `bad token ${TOKEN}` })],
  ])('does not include the token in the error when the response %s', async (_, handler) => {
    const error = await call(handler, requestContract);
    expect(error).toBeInstanceOf(NodeError);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(TOKEN);
  });
});
