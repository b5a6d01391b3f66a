import type { RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { NodeError } from '../../src/farming/errors.ts';
import { detectApi } from '../../src/node/detect-api.ts';
import { NodeHttp } from '../../src/node/node-http.ts';
import { always, rawServer } from '../fakes/raw-server.ts';

const V1_ROOT = '/api/downstream/v1/';
const NOT_FOUND = always('<title>404 Not Found</title>', 404, 'text/html');
const json = (body: unknown, status = 200) => always(JSON.stringify(body), status);

/** @returns the API, or the code of the error, of a server with these responses to the two requests */
async function detect(root: RequestListener, listing: RequestListener = NOT_FOUND): Promise<string> {
  await using server = await rawServer((request, response) =>
    (request.url === V1_ROOT ? root : listing)(request, response),
  );
  const http = new NodeHttp(server.url);
  try {
    return await detectApi(http, { timeoutMs: 5_000 });
  } catch (error) {
    if (error instanceof NodeError) return error.code;
    throw error;
  } finally {
    http.close();
  }
}

describe('detectApi', () => {
  it.each<[string, string, RequestListener, RequestListener]>([
    ['v1', 'the original node of 2015', json({ msg: 'ok' }), NOT_FOUND],
    ['prototype', 'a node with both APIs', json({ msg: 'ok' }), json({ status: 'no_token' })],
    ['prototype', 'the original node of September 2014', NOT_FOUND, json({ contracts: 'data' })],
    ['prototype', 'a node that knows no such token', NOT_FOUND, json({ status: 'no_token' })],
    ['prototype', 'a node that knows no such token and says so with 404', NOT_FOUND, json({ status: 'no_token' }, 404)],
    [
      'prototype',
      'a node that lists no contracts for an unknown token',
      json({ status: 'error' }, 400),
      json({ all_contracts: [], due_contracts: [] }),
    ],
  ])('detects the API %s of %s', async (api, _, root, listing) => {
    expect(await detect(root, listing)).toBe(api);
  });

  it.each<[string, RequestListener]>([
    ['a proxy whose node does not run', always('<title>502 Bad Gateway</title>', 502, 'text/html')],
    ['a node that is overloaded', json({ status: 'no_token' }, 503)],
    ['a node that limits requests', json({ msg: 'ok' }, 429)],
    ['a proxy that has no route to the node yet', always('default backend - 404', 404, 'text/plain')],
    ['a server with the same page for every path', always('<html>Welcome</html>', 200, 'text/html')],
    ['a server with the same JSON for every path', json({ status: 'error', message: 'maintenance' })],
    ['a server that redirects to a login', (_, response) => void response.writeHead(302, { Location: '/login' }).end()],
    ['a server that requires a password', json({ status: 'error' }, 401)],
    ['a connection that breaks', ({ socket }) => void socket.destroy()],
  ])('detects no API of %s', async (_, handler) => {
    expect(await detect(handler, handler)).toMatch(/^(http_error|invalid_response|unreachable|rejected)$/);
  });

  it('does not take a node with a temporary failure of the prototype API for one of v1', async () => {
    expect(await detect(json({ msg: 'ok' }), json({ status: 'error' }, 500))).toBe('http_error');
  });
});
