import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NetworkOptions } from '../../src/node/connection-pool.ts';
import { openNetwork } from '../../src/node/network.ts';
import { NodeHttp } from '../../src/node/node-http.ts';
import { PrototypeNode } from '../../src/node/prototype-node.ts';
import { isException, isReachedDirectly } from '../../src/node/proxy.ts';
import { always, rawServer } from '../fakes/raw-server.ts';
import { AUTHORITY, CERTIFICATE, KEY } from '../fakes/tls.ts';

const TOKEN = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const LISTING = always(JSON.stringify({ all_contracts: [], due_contracts: [] }));
const VARIABLES = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'ALL_PROXY'];

const folder = mkdtempSync(join(tmpdir(), 'network-'));
const caFile = join(folder, 'ca.pem');
writeFileSync(caFile, AUTHORITY);

/** A node with HTTPS, and a proxy that forwards every tunnel to it and answers plain requests itself. */
const secureNode = createHttpsServer({ cert: CERTIFICATE, key: KEY }, LISTING);
const proxied: string[] = [];
const answerProxied: RequestListener = (request, response) => {
  proxied.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`);
  LISTING(request, response);
};
const proxy = createServer(answerProxied).on('connect', ({ url, headers }, client: Socket) => {
  proxied.push(`CONNECT ${url} ${headers['proxy-authorization']}`);
  const node = connect(portOf(secureNode), '127.0.0.1', () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    client.pipe(node).pipe(client);
  });
  for (const socket of [client, node]) socket.on('error', () => node.destroy());
});
const portOf = (server: { address(): unknown }) => (server.address() as AddressInfo).port;
const proxyUrl = () => `http://user:secret@127.0.0.1:${portOf(proxy)}`;
const BASIC = `Basic ${btoa('user:secret')}`;

beforeAll(async () => {
  for (const server of [secureNode, proxy]) await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => {
  proxied.length = 0;
  for (const name of VARIABLES) delete process.env[name];
});
afterAll(() => {
  for (const server of [secureNode, proxy]) server.close().closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function list(url: string, network: NetworkOptions = {}): Promise<unknown> {
  const http = new NodeHttp(url, { network });
  try {
    return await new PrototypeNode(http).listContracts(TOKEN, { timeoutMs: 2_000 });
  } finally {
    http.close();
  }
}

const SUCCESS = { held: new Set() };

describe('A request', () => {
  it('uses no proxy by default, whatever the environment says', async () => {
    for (const name of VARIABLES) process.env[name] = proxyUrl();
    await using server = await rawServer(LISTING);
    expect(await list(server.url)).toMatchObject(SUCCESS);
    expect(proxied).toEqual([]);
  });

  it('uses the configured proxy with its user and password', async () => {
    const network = await openNetwork({ proxyUrl: proxyUrl(), noProxy: [] });
    expect(await list('http://node.example', network)).toMatchObject(SUCCESS);
    expect(proxied).toEqual([`GET http://node.example/api/downstream/due/${TOKEN} ${BASIC}`]);
  });

  it('reaches an HTTPS node through a tunnel, which hides the token from the proxy', async () => {
    const network = await openNetwork({ proxyUrl: proxyUrl(), noProxy: [], caFile });
    expect(await list('https://node.example', network)).toMatchObject(SUCCESS);
    expect(proxied).toEqual([`CONNECT node.example:443 ${BASIC}`]);
  });

  it('never uses the proxy for this machine', async () => {
    const network = await openNetwork({ proxyUrl: proxyUrl(), noProxy: [] });
    await using server = await rawServer(LISTING);
    expect(await list(server.url, network)).toMatchObject(SUCCESS);
    expect(await list(server.url.replace('127.0.0.1', 'localhost'), network)).toMatchObject(SUCCESS);
    expect(proxied).toEqual([]);
  });

  it.each(['http', 'https'])('to an %s node names the proxy in its error, without the password', async (scheme) => {
    const network = await openNetwork({ proxyUrl: 'http://user:secret@127.0.0.1:1', noProxy: [] });
    await expect(list(`${scheme}://node.example`, network)).rejects.toMatchObject({
      code: 'unreachable',
      message: 'the connection to the node failed (through the proxy http://127.0.0.1:1)',
    });
  });

  it('names the proxy that responds instead of the node', async () => {
    await using broken = await rawServer(always('<html>', 502, 'text/html'));
    const network = await openNetwork({ proxyUrl: broken.url, noProxy: [] });
    await expect(list('http://node.example', network)).rejects.toMatchObject({
      code: 'http_error',
      message: `the node responded with HTTP 502 (through the proxy ${broken.url})`,
    });
  });

  it('trusts a private authority only if it is configured, and otherwise says how', async () => {
    const url = `https://localhost:${portOf(secureNode)}`;
    await expect(list(url)).rejects.toMatchObject({ message: expect.stringContaining('FARMER_CA_FILE') });
    expect(await list(url, await openNetwork({ noProxy: [], caFile }))).toMatchObject(SUCCESS);
  });
});

describe('A request with --ssl-no-verify', () => {
  const url = () => `https://localhost:${portOf(secureNode)}`;
  const open = async (proxy = {}) =>
    await openNetwork({ noProxy: [], sslNoVerify: true, nodes: [{ url: `${url()}/path` }], ...proxy });

  it('accepts any certificate of the node', async () => {
    expect(await list(url(), await open())).toMatchObject(SUCCESS);
  });

  it('verifies the certificates of all other servers', async () => {
    const other = `https://127.0.0.1:${portOf(secureNode)}`;
    const http = new NodeHttp(url(), { network: await open() });
    await expect(http.download(`${other}/chunk`, { timeoutMs: 2_000 })).rejects.toMatchObject({
      message: expect.stringContaining('FARMER_CA_FILE'),
    });
    (await http.download(`${url()}/chunk`, { timeoutMs: 2_000 })).destroy();
    http.close();
  });

  it('verifies the certificate of a proxy', async () => {
    const nodes = [{ url: 'https://node.example' }];
    const network = await open({ nodes, proxyUrl: `https://localhost:${portOf(secureNode)}` });
    await expect(list('https://node.example', network)).rejects.toMatchObject({
      message: expect.stringContaining('FARMER_CA_FILE'),
    });
    expect(await list('https://node.example', await open({ nodes, proxyUrl: proxyUrl() }))).toMatchObject(SUCCESS);
  });
});

describe('openNetwork', () => {
  it.each([
    ['a missing file', join(folder, 'missing'), 'ENOENT'],
    ['a directory', folder, 'not a file of at most 1 MiB'],
    ['a file without a certificate', write('key.pem', KEY), 'it contains no certificate'],
    [
      'a damaged certificate',
      write('damaged.pem', AUTHORITY.replace('MII', 'AAA')),
      'it contains a damaged certificate',
    ],
  ])('rejects %s', async (_, file, problem) => {
    await expect(openNetwork({ noProxy: [], caFile: file })).rejects.toMatchObject({
      code: 'invalid_settings',
      message: expect.stringMatching(new RegExp(`^FARMER_CA_FILE: .*${problem}`)),
    });
  });
});

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('isReachedDirectly', () => {
  it.each(['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '[::1]', '[::ffff:7f00:1]', '0.0.0.0'])(
    'is true for %s, which is this machine',
    (host) => {
      expect(isReachedDirectly(host, [])).toBe(true);
    },
  );

  it.each([
    ['node.example', 'node.example', true],
    ['a.node.example', 'node.example', true],
    ['a.node.example', '*.node.example', true],
    ['A.Node.Example', '.node.example', true],
    ['node.example.org', 'node.example', false],
    ['mynode.example', 'node.example', false],
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['[fd00::1]', 'fd00::/8', true],
    ['[fd00::1]', '10.0.0.0/8', false],
    ['node.example', '10.0.0.0/8', false],
    ['node.example', '*', true],
  ])('for %s with the exception %s is %s', (host, exception, expected) => {
    expect(isException(exception)).toBe(true);
    expect(isReachedDirectly(host, [exception])).toBe(expected);
  });

  it.each(['10.0.0.0/33', 'fd00::/129', 'node.example/8', '10.0.0.0/', '10.0.0.0/8/8', 'a b', 'http://a', ''])(
    'cannot have the exception %j',
    (exception) => {
      expect(isException(exception)).toBe(false);
    },
  );
});
