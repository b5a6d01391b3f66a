import type { IncomingHttpHeaders, RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { NodeError } from '../../src/farming/errors.ts';
import { NodeHttp } from '../../src/node/node-http.ts';
import { V1Node, type V1NodeOptions } from '../../src/node/v1-node.ts';
import { always, type RawServer, rawServer } from '../fakes/raw-server.ts';

const TOKEN = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const MERKLE = { key: '', check_fraction: 0.01 };
const HEARTBEAT = { token: TOKEN, type: 'Merkle', heartbeat: MERKLE };
const SEED = 'umYxmcrmq3p6N4QKSO+UoDX2jbKy9VWTQvWjiB0gBpc=';
const NODES = [...Array(511).fill(SEED), ''];
const OFFER = {
  file_hash: 1,
  seed: 'fe0f3129b0537ebb43df3b065f62e261',
  size: 32_768,
  challenge: { seed: SEED, index: 0 },
  tag: { tree: { nodes: NODES, order: 8, leaves: [] }, chunksz: 0, filesz: 32_768 },
  due: 13.995783,
};
const CHALLENGE = { file_hash: 1, challenge: { seed: SEED, index: 3 }, due: 5.5, answered: false };
const ONE = { id: 'one', reference: 1 };
const TWO = { id: 'two', reference: 2 };
const PROOF = '{"leaf":{"index":0,"blob":""}}';

type Skips = Record<string, number>;

interface Call {
  readonly node: V1Node;
  readonly server: RawServer;
  readonly skips: Skips;
}

/** @returns the result of calls to a server with this handler, or their NodeError */
async function call<T>(
  handler: RequestListener,
  operation: (context: Call) => Promise<T>,
  options: Partial<V1NodeOptions> = {},
): Promise<T | NodeError> {
  await using server = await rawServer(handler);
  const http = new NodeHttp(server.url);
  const skips: Skips = {};
  const entriesSkipped = (reason: string, count: number) => {
    skips[reason] = count;
  };
  const node = new V1Node({ url: 'http://node', ...options }, { http, outcomes: { entriesSkipped } });
  try {
    return await operation({ node, server, skips });
  } catch (error) {
    if (error instanceof NodeError) return error;
    throw error;
  } finally {
    http.close();
  }
}

const reply = (body: unknown, status = 200) => always(JSON.stringify(body), status);
/** States the heartbeat of any token, and responds to other requests as given. */
const afterHeartbeat =
  (handler: RequestListener): RequestListener =>
  (request, response) =>
    (request.url?.includes('/heartbeat/') ? reply(HEARTBEAT) : handler)(request, response);
const getCode = (result: unknown) => (result instanceof NodeError ? result.code : 'no error');

const offer = async (chunks: unknown, maxBytes = 10 * 32_768) =>
  await call(afterHeartbeat(reply({ chunks })), async ({ node, skips }) => {
    const offers = await node.requestContracts(TOKEN, { maxBytes });
    return { offers, skips };
  });
const list = async (challenges: unknown, asked: readonly { id: string; reference: string | number }[] = [ONE, TWO]) =>
  await call(reply({ challenges }), ({ node }) => node.listContracts(TOKEN, { asked }));
const answer = async (report: unknown) =>
  await call(reply({ report }), async ({ node, skips }) => {
    const verdicts = await node.answer(
      TOKEN,
      [ONE, TWO].map((contract) => ({ ...contract, response: PROOF })),
    );
    return { verdicts, skips };
  });

describe('V1Node.register', () => {
  const register = async (handler: RequestListener, identity?: { message: string; signature: string }) =>
    await call(
      handler,
      async ({ node, server }) => ({ token: await node.register('address'), requests: server.requests }),
      { identity },
    );

  it('requests a token without connecting to the root of the server first', async () => {
    expect(await register(reply(HEARTBEAT))).toEqual({
      token: TOKEN,
      requests: [{ method: 'GET', url: '/api/downstream/v1/new/address', body: '' }],
    });
  });

  it('sends the signed message if it has one', async () => {
    const identity = { message: 'm', signature: 's' };
    expect(await register(reply(HEARTBEAT), identity)).toMatchObject({
      token: TOKEN,
      requests: [{ method: 'POST', body: JSON.stringify(identity) }],
    });
  });

  it.each<[string, unknown]>([
    ['an unknown type of heartbeat', { ...HEARTBEAT, type: 'Quantum' }],
    ['a type that is inherited from all objects', { ...HEARTBEAT, type: 'constructor' }],
    ['no heartbeat', { ...HEARTBEAT, heartbeat: null }],
    ['a Merkle heartbeat with a key of 2 KiB', { ...HEARTBEAT, heartbeat: { ...MERKLE, key: 'A'.repeat(2_732) } }],
    ['a Swizzle heartbeat with a prime of 1 bit', { ...HEARTBEAT, ...swizzle(Buffer.of(1)) }],
    ['a Swizzle heartbeat with a prime of 100,000 bits', { ...HEARTBEAT, ...swizzle(Buffer.alloc(12_500, 1)) }],
    ['a Swizzle heartbeat that is no base64', { ...HEARTBEAT, type: 'Swizzle', heartbeat: '*' }],
    ['a token with a path in it', { ...HEARTBEAT, token: '../../etc/passwd' }],
    ['a token that is a number', { ...HEARTBEAT, token: 5 }],
    ['a response of 1 MB', { ...HEARTBEAT, padding: 'x'.repeat(1_000_000) }],
  ])('rejects %s', async (_, body) => {
    expect(getCode(await register(reply(body)))).toBe('invalid_response');
  });

  it('requires status 200', async () => {
    expect(getCode(await register(reply(HEARTBEAT, 201)))).toBe('http_error');
  });

  it('does not include the text of the node in the error', async () => {
    const error = await register(reply({ status: 'error', message: `bad ${TOKEN}` }, 400));
    expect(error).toMatchObject({ code: 'rejected', details: { reason: 'other' } });
    expect(JSON.stringify(error)).not.toContain(TOKEN);
  });
});

/** A public heartbeat of the Swizzle scheme. */
function swizzle(prime: Buffer): { type: string; heartbeat: string } {
  const number = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return bytes;
  };
  const parts = [Buffer.of(1), number(10), number(prime.length), number(prime.length), prime];
  return { type: 'Swizzle', heartbeat: Buffer.concat(parts).toString('base64') };
}

describe('V1Node with a token that the node does not know', () => {
  const calls: Record<string, (node: V1Node) => Promise<unknown>> = {
    'a check of the token': (node) => node.listContracts(TOKEN, { asked: [] }),
    requestContracts: (node) => node.requestContracts(TOKEN, { maxBytes: 1 }),
    listContracts: (node) => node.listContracts(TOKEN, { asked: [ONE] }),
    answer: (node) => node.answer(TOKEN, [{ ...ONE, response: PROOF }]),
  };
  it.each(
    Object.keys(calls).flatMap((name) => [
      [name, 400],
      [name, 404],
    ]) as [string, number][],
  )('throws no_token from %s with HTTP %d', async (name, status) => {
    const handler = reply({ status: 'error', message: 'Nonexistent token.' }, status);
    expect(getCode(await call(handler, ({ node }) => calls[name]?.(node) ?? Promise.resolve()))).toBe('no_token');
  });

  it.each([
    [500, 'Nonexistent token.'],
    [200, 'Nonexistent token.'],
    [404, 'Nonexistent token'],
    [404, 'Nonexistant farmer id.'],
  ])('does not conclude it from HTTP %d with the text "%s"', async (status, message) => {
    const result = await call(reply({ status: 'error', message }, status), ({ node }) =>
      node.listContracts(TOKEN, { asked: [] }),
    );
    expect(getCode(result)).toBe('rejected');
  });

  it('does not conclude it from the HTML of a missing route', async () => {
    const handler = always('<title>404 Not Found</title>', 404, 'text/html');
    expect(getCode(await call(handler, ({ node }) => node.listContracts(TOKEN, { asked: [] })))).toBe('http_error');
  });
});

describe('V1Node.requestContracts', () => {
  it('returns offers with tags and with the heartbeat that they belong to', async () => {
    expect(await offer([OFFER])).toEqual({
      offers: [
        {
          id: 'bc0880b02288718eeee9fa96908562401f38f5a34fbb18f5799524558861fc2e',
          reference: 1,
          source: { kind: 'seed', seed: OFFER.seed },
          sizeBytes: 32_768,
          challenge: `{"index":0,"seed":"${SEED}"}`,
          intervalMs: 13_995,
          tag: { scheme: 'Merkle', heartbeat: MERKLE, tag: OFFER.tag },
        },
      ],
      skips: {},
    });
  });

  it('returns nothing if the node has no chunks', async () => {
    expect(await offer([])).toEqual({ offers: [], skips: {} });
  });

  it('identifies contracts by their node, their reference and their seed', async () => {
    const getId = async (change: object, url = 'http://node') => {
      const result = await call(
        afterHeartbeat(reply({ chunks: [{ ...OFFER, ...change }] })),
        ({ node }) => node.requestContracts(TOKEN, { maxBytes: 32_768 }),
        { url },
      );
      return result instanceof NodeError ? result.code : result[0]?.id;
    };
    const ids = [
      await getId({}),
      await getId({ file_hash: 2 }),
      await getId({ file_hash: '1' }),
      await getId({ seed: 'another' }),
      await getId({}, 'http://other'),
    ];
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await getId({ due: 7 })).toBe(ids[0]);
  });

  it.each<[string, unknown]>([
    ['a reference that is a path', { file_hash: '../../etc/passwd' }],
    ['a reference that is negative', { file_hash: -1 }],
    ['a reference that is a fraction', { file_hash: 1.5 }],
    ['a reference beyond the safe integers', { file_hash: 2 ** 53 }],
    ['a reference that is null', { file_hash: null }],
    ['a reference that is true', { file_hash: true }],
    ['a reference that is a list', { file_hash: [1] }],
    ['a reference that is an object', { file_hash: {} }],
    ['no seed', { seed: '' }],
    ['a negative size', { size: -1 }],
    ['a size that is text', { size: '32768' }],
    ['no challenge', { challenge: undefined }],
    ['a challenge that is null', { challenge: null }],
    ['a challenge of 5,000 characters', { challenge: 'A'.repeat(5_000) }],
    ['no tag', { tag: undefined }],
    ['a tag that is a number', { tag: 5 }],
    ['a negative deadline', { due: -0.5 }],
    ['a deadline in less than a second', { due: 0.9 }],
    ['a deadline that is text', { due: '13' }],
  ])('skips and counts only the offer with %s', async (_, change) => {
    expect(
      await offer([
        { ...OFFER, ...Object(change) },
        { ...OFFER, file_hash: 2 },
      ]),
    ).toMatchObject({
      offers: [{ reference: 2 }],
      skips: { invalid_contract: 1 },
    });
  });

  it.each([
    ['NaN, which is not JSON', 'NaN'],
    ['an infinite number', '1e999'],
  ])('skips an offer whose deadline is %s', async (_, due) => {
    const body = JSON.stringify({ chunks: [OFFER, { ...OFFER, file_hash: 2 }] }).replace('13.995783', due);
    const result = await call(afterHeartbeat(always(body)), ({ node }) =>
      node.requestContracts(TOKEN, { maxBytes: 65_536 }),
    );
    expect(result).toMatchObject([{ reference: 2 }]);
  });

  it('follows the redirection of the default size to the path without a size, once', async () => {
    const path = `/api/downstream/v1/chunk/${TOKEN}`;
    const ask = async (handler: RequestListener) =>
      await call(afterHeartbeat(handler), async ({ node, server }) => {
        const offers = await node.requestContracts(TOKEN, { maxBytes: 33_554_432 }).catch(getCode);
        return { offers, urls: server.requests.map(({ url }) => url).filter((url) => url.startsWith(path)) };
      });
    const redirect = always('', 308);
    const offers = reply({ chunks: [OFFER] });
    const urls = [`${path}/33554432`, path];
    expect(
      await ask((request, response) => (request.url === path ? offers : redirect)(request, response)),
    ).toMatchObject({ offers: [{ reference: 1 }], urls });
    expect(await ask(redirect)).toEqual({ offers: 'http_error', urls });
  });

  it('skips the second offer with the same reference', async () => {
    expect(await offer([OFFER, { ...OFFER, seed: 'another' }])).toMatchObject({
      offers: [{ source: { seed: OFFER.seed } }],
      skips: { invalid_contract: 1 },
    });
  });

  it('rejects a response with more bytes of chunks than requested', async () => {
    expect(await offer([OFFER, { ...OFFER, file_hash: 2 }], 65_535)).toMatchObject({
      code: 'invalid_response',
      details: { maxBytes: 65_535 },
    });
  });

  it('accepts ten offers at most', async () => {
    const chunks = Array.from({ length: 12 }, (_, n) => ({ ...OFFER, file_hash: n, size: 1 }));
    const result = await offer(chunks);
    expect(result).toMatchObject({ skips: { surplus: 2 } });
    expect(result instanceof NodeError ? 0 : result.offers.length).toBe(10);
  });

  it('reads Swizzle tags of 4.6 MB, for chunks of 32 MiB', async () => {
    const size = 32 * 1024 * 1024;
    const chunk = { ...OFFER, size, challenge: 'A'.repeat(232), tag: 'A'.repeat(4_650_000) };
    expect(await offer([chunk], size)).toMatchObject({ offers: [{ challenge: `"${chunk.challenge}"` }], skips: {} });
  });

  it('stops reading a tag of 100 MB', async () => {
    let sentBytes = 0;
    const handler: RequestListener = (_request, response) => {
      const piece = Buffer.alloc(1_000_000, 'A');
      response.write(`{"chunks":[${JSON.stringify(OFFER).replace(/,"tag".*/, ',"tag":"')}`);
      const more = () => {
        while (sentBytes < 100_000_000) {
          sentBytes += piece.length;
          if (!response.write(piece)) return;
        }
        response.end();
      };
      response.on('drain', more).on('error', () => {});
      more();
    };
    const result = await call(afterHeartbeat(handler), ({ node }) =>
      node.requestContracts(TOKEN, { maxBytes: 327_680 }),
    );
    expect(result).toMatchObject({ code: 'invalid_response', details: { maxBytes: 16 * 1024 * 1024 } });
    expect(sentBytes).toBeLessThan(40_000_000);
  });

  it('keeps the offers that arrived before the response broke off', async () => {
    const text = JSON.stringify({ chunks: [OFFER, { ...OFFER, file_hash: 2 }] });
    const handler = always(text.slice(0, -100));
    const result = await call(afterHeartbeat(handler), async ({ node, skips }) => {
      const offers = await node.requestContracts(TOKEN, { maxBytes: 65_536 });
      return { offers, skips };
    });
    expect(result).toMatchObject({ offers: [{ reference: 1 }], skips: { invalid_contract: 1 } });
  });

  it('requests no more bytes of chunks than whose Swizzle tags fit into a response', async () => {
    const heartbeat = { token: TOKEN, ...swizzle(Buffer.alloc(128, 255)) };
    const handler: RequestListener = (request, response) =>
      reply(request.url?.includes('/heartbeat/') ? heartbeat : { chunks: [] })(request, response);
    const paths = await call(handler, async ({ node, server }) => {
      await node.requestContracts(TOKEN, { maxBytes: 1024 ** 3 });
      await node.requestContracts(TOKEN, { maxBytes: 1024 ** 2 });
      return server.requests.map(({ url }) => url.split('/').slice(4).join('/'));
    });
    expect(paths).toEqual([`heartbeat/${TOKEN}`, `chunk/${TOKEN}/121539490`, `chunk/${TOKEN}/1048576`]);
  });

  it('asks for the heartbeat only if it does not know it', async () => {
    const handler: RequestListener = (request, response) =>
      reply(request.url?.includes('/chunk/') ? { chunks: [] } : HEARTBEAT)(request, response);
    const routes = await call(handler, async ({ node, server }) => {
      await node.register('address');
      await node.requestContracts(TOKEN, { maxBytes: 1 });
      await node.requestContracts('other-token', { maxBytes: 1 });
      await node.requestContracts('other-token', { maxBytes: 1 });
      return server.requests.map(({ url }) => url.split('/').slice(4).join('/'));
    });
    expect(routes).toEqual([
      'new/address',
      `chunk/${TOKEN}/1`,
      'heartbeat/other-token',
      'chunk/other-token/1',
      'chunk/other-token/1',
    ]);
  });

  it('asks for the heartbeat again after a rejected proof', async () => {
    const handler: RequestListener = (request, response) => {
      const report = [{ file_hash: 1, error: 'Invalid proof' }];
      reply(request.url?.includes('/answer/') ? { report } : { chunks: [] })(request, response);
    };
    const routes = await call(afterHeartbeat(handler), async ({ node, server }) => {
      await node.requestContracts(TOKEN, { maxBytes: 1 });
      await node.answer(TOKEN, [{ ...ONE, response: PROOF }]);
      await node.requestContracts(TOKEN, { maxBytes: 1 });
      return server.requests.map(({ url }) => url.split('/')[4]);
    });
    expect(routes).toEqual(['heartbeat', 'chunk', 'answer', 'heartbeat', 'chunk']);
  });
});

describe('V1Node.listContracts', () => {
  it('lists open challenges, answered ones, and contracts that have ended', async () => {
    const asked = [1, 2, 3, 4, 5].map((reference) => ({ id: `#${reference}`, reference }));
    const listing = await list(
      [
        CHALLENGE,
        { ...CHALLENGE, file_hash: 2, due: 0.25, answered: true },
        { file_hash: 3, status: 'no more challenges' },
        { file_hash: 4, error: 'contract expired' },
        { file_hash: 5, error: 'contract not found' },
      ],
      asked,
    );
    expect(listing).toMatchObject({
      held: new Set(['#1', '#2']),
      open: new Map([['#1', `{"index":3,"seed":"${SEED}"}`]]),
      dueInMs: new Map([
        ['#1', 5_500],
        ['#2', 250],
      ]),
      completed: new Set(['#3']),
      skipped: { invalid_contract: 0, invalid_challenge: 0, surplus: 0 },
    });
  });

  it('asks with the JSON types that the node used', async () => {
    const body = await call(reply({ challenges: [] }), async ({ node, server }) => {
      await node.listContracts(TOKEN, { asked: [ONE, { id: 'text', reference: '2' }, { id: 'hex', reference: '0a' }] });
      return server.requests[0]?.body;
    });
    expect(body).toBe('{"hashes":[1,"2","0a"]}');
  });

  it('recognizes a number that answers text', async () => {
    const asked = [{ id: 'text', reference: '1' }];
    expect(await list([CHALLENGE], asked)).toMatchObject({ dueInMs: new Map([['text', 5_500]]) });
  });

  it('identifies equal challenges by the same text, however the node formats them', async () => {
    const formatted = `{ "challenges": [ { "answered": false, "due": 5.5,
      "challenge": { "index": 3.0, "seed": "${SEED.replace('u', '\\u0075')}" }, "file_hash": 1 } ] }`;
    const result = await call(always(formatted), ({ node }) => node.listContracts(TOKEN, { asked: [ONE] }));
    expect(result).toMatchObject({ open: new Map([['one', `{"index":3,"seed":"${SEED}"}`]]) });
  });

  it('does not end a contract whose entry is missing', async () => {
    expect(await list([])).toMatchObject({ held: new Set(['one', 'two']), dueInMs: new Map() });
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'invalid_contract'],
    ['no reference', {}, 'invalid_contract'],
    ['a reference that is a list', { ...CHALLENGE, file_hash: [1] }, 'invalid_contract'],
    ['a reference that was not asked for', { ...CHALLENGE, file_hash: 77 }, 'surplus'],
    ['a negative deadline', { ...CHALLENGE, due: -1 }, 'invalid_challenge'],
    ['a deadline in a hundred years', { ...CHALLENGE, due: 3e9 }, 'invalid_challenge'],
    ['no challenge', { ...CHALLENGE, challenge: null }, 'invalid_challenge'],
    ['a challenge of 5,000 characters', { ...CHALLENGE, challenge: 'A'.repeat(5_000) }, 'invalid_challenge'],
    ['an unknown status', { file_hash: 1, status: 'tired' }, 'invalid_challenge'],
    ['an unknown error', { file_hash: 1, error: 'database is locked' }, 'invalid_challenge'],
    ['an entry of 1 MB', { ...CHALLENGE, padding: 'x'.repeat(1_000_000) }, 'invalid_contract'],
    ['an end after a challenge', { file_hash: 2, error: 'contract expired' }, 'invalid_challenge'],
  ])('skips and counts only an entry with %s', async (_, entry, reason) => {
    expect(await list([{ ...CHALLENGE, file_hash: 2 }, entry], Array(200).fill(ONE).with(1, TWO))).toMatchObject({
      held: new Set(['one', 'two']),
      dueInMs: new Map([['two', 5_500]]),
      skipped: { invalid_contract: 0, invalid_challenge: 0, surplus: 0, [reason]: 1 },
    });
  });

  it('keeps the first of several challenges of one contract', async () => {
    const again = { ...CHALLENGE, challenge: { seed: SEED, index: 4 }, due: 9 };
    expect(await list([CHALLENGE, again])).toMatchObject({
      open: new Map([['one', `{"index":3,"seed":"${SEED}"}`]]),
      dueInMs: new Map([['one', 5_500]]),
      skipped: { invalid_challenge: 1 },
    });
  });

  it('reads a response that arrives in pieces of one character, without a length', async () => {
    const text = JSON.stringify({ challenges: [CHALLENGE, { ...CHALLENGE, file_hash: 2 }] });
    const handler: RequestListener = ({ socket }) => {
      socket.write('HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n');
      const next = (at: number) => {
        if (at === text.length) socket.end();
        else socket.write(text.charAt(at), () => setImmediate(next, at + 1));
      };
      next(0);
    };
    const result = await call(handler, ({ node }) => node.listContracts(TOKEN, { asked: [ONE, TWO] }));
    expect(result).toMatchObject({ open: { size: 2 } });
  });

  it('only checks the token if there is nothing to ask for, each time', async () => {
    const routes = await call(reply(HEARTBEAT), async ({ node, server }) => {
      expect(await node.listContracts(TOKEN, { asked: [] })).toMatchObject({ held: new Set(), dueInMs: new Map() });
      await node.listContracts(TOKEN, { asked: [] });
      return server.requests.map(({ method, url }) => `${method} ${url}`);
    });
    expect(routes).toEqual(Array(2).fill(`GET /api/downstream/v1/heartbeat/${TOKEN}`));
  });

  it.each<[string, unknown]>([
    ['a response without the list', {}],
    ['a list that is an object', { challenges: {} }],
    ['a list of a million numbers', { challenges: Array(1_000_000).fill(0) }],
    ['text', 'hello'],
  ])('rejects %s', async (_, body) => {
    const result = await call(reply(body), ({ node }) => node.listContracts(TOKEN, { asked: [ONE] }));
    expect(getCode(result)).toBe('invalid_response');
  });

  it('limits the response by the number of contracts that it asked for', async () => {
    const body = `{"challenges":[]${' '.repeat(200_000)}}`;
    const listFor = async (count: number) =>
      getCode(await call(always(body), ({ node }) => node.listContracts(TOKEN, { asked: Array(count).fill(ONE) })));
    expect([await listFor(10), await listFor(100)]).toEqual(['invalid_response', 'no error']);
  });
});

describe('V1Node.answer', () => {
  it('sends the proofs as they are, with the references of the node', async () => {
    const sent = await call(reply({ report: [] }), async ({ node, server }) => {
      await node.answer(TOKEN, [
        { ...ONE, response: PROOF },
        { id: 'hex', reference: '0a', response: '"CgAA"' },
      ]);
      return server.requests;
    });
    expect(sent).toEqual([
      {
        method: 'POST',
        url: `/api/downstream/v1/answer/${TOKEN}`,
        body: `{"proofs":[{"file_hash":1,"proof":${PROOF}},{"file_hash":"0a","proof":"CgAA"}]}`,
      },
    ]);
  });

  it('sends JSON that is not compressed, and says so', async () => {
    let headers: IncomingHttpHeaders = {};
    await call(
      (request, response) => {
        headers = request.headers;
        reply({ report: [] })(request, response);
      },
      ({ node }) => node.answer(TOKEN, [{ ...ONE, response: PROOF }]),
    );
    expect(headers).toMatchObject({ 'content-type': 'application/json' });
    expect(headers).not.toHaveProperty('content-encoding');
  });

  it.each([
    [{ status: 'ok' }, 'passed'],
    [{ error: 'Challenge already answered.' }, 'passed'],
    [{ error: 'Invalid proof' }, 'rejected'],
    [{ error: 'Proof corrupted' }, 'rejected'],
    [{ error: 'Answer failed: contract expired.' }, 'ended'],
    [{ error: 'contract not found' }, 'ended'],
  ])('translates the entry %j to the verdict %s', async (entry, verdict) => {
    expect(await answer([{ file_hash: 2, ...entry }])).toEqual({ verdicts: ['unknown', verdict], skips: {} });
  });

  it('returns the verdicts in the order of the answers', async () => {
    const report = [
      { file_hash: 2, status: 'ok' },
      { file_hash: 1, error: 'Invalid proof' },
      { file_hash: 1, status: 'ok' },
    ];
    expect(await answer(report)).toEqual({ verdicts: ['rejected', 'passed'], skips: {} });
  });

  it.each<[string, unknown, string]>([
    ['null', null, 'invalid_contract'],
    ['a reference that is null', { file_hash: null, status: 'ok' }, 'invalid_contract'],
    ['an unknown status', { file_hash: 2, status: 'fine' }, 'invalid_contract'],
    ['an error of 5,000 characters', { file_hash: 2, error: 'x'.repeat(5_000) }, 'invalid_contract'],
    ['an unknown error', { file_hash: 2, error: 'database is locked' }, 'invalid_challenge'],
    ['a reference that was not sent', { file_hash: 77, status: 'ok' }, 'surplus'],
  ])('skips and counts only an entry with %s', async (_, entry, reason) => {
    expect(await answer([entry, { file_hash: 1, status: 'ok' }])).toEqual({
      verdicts: ['passed', 'unknown'],
      skips: { [reason]: 1 },
    });
  });
});
