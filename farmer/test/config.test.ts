import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import {
  findProxyVariables,
  findUsedNames,
  listUnknownVariables,
  readCommandConfig,
  readConfig,
  readNodeConfig,
} from '../src/config.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const read = (env: Record<string, string>, flags?: Record<string, string>) =>
  readConfig({ env: { FARMER_ADDRESS: ADDRESS, ...env }, ...(flags && { flags }) });

describe('readConfig', () => {
  it.each([
    ['', [undefined, undefined]],
    ['v1', ['v1', 'v1']],
    ['auto, prototype', [undefined, 'prototype']],
  ])('reads the APIs %j of two nodes', (names, apis) => {
    const { nodes } = read({ FARMER_NODE_URL: 'http://a,http://b', FARMER_PROTOCOL: names });
    expect(nodes.map(({ api }) => api)).toEqual(apis);
  });

  it('returns the defaults', () => {
    expect(read({})).toMatchObject({
      nodes: [{ alias: 'localhost-5000', url: 'http://localhost:5000', share: 1 }],
      address: ADDRESS,
      disks: [{ sizeBytes: 8 * 32 * 1024 * 1024 }],
      init: false,
      minFreeBytes: 256 * 1024 * 1024,
      scrubCycleMs: 14 * 86_400_000,
      readTimeoutMs: 30_000,
      journalSize: 20_000,
      httpHost: '127.0.0.1',
      httpPort: 8080,
      pollIntervalMs: undefined,
      logLevel: 'info',
      downloadOrigins: [],
    });
  });

  it.each([
    ['FARMER_SIZE', '1GB', { disks: [{ sizeBytes: 1_000_000_000 }] }],
    ['FARMER_SIZE', '512MiB', { disks: [{ sizeBytes: 536_870_912 }] }],
    ['FARMER_SIZE', '33554432', { disks: [{ sizeBytes: 33_554_432 }] }],
    ['FARMER_POLL_INTERVAL', '5', { pollIntervalMs: 5_000 }],
    ['FARMER_POLL_INTERVAL', '250ms', { pollIntervalMs: 250 }],
    [
      'FARMER_NODE_URL',
      'https://node.example/',
      { nodes: [{ alias: 'node.example', url: 'https://node.example', share: 1 }] },
    ],
    [
      'FARMER_NODE_URL',
      'http://node.example:81/base/',
      { nodes: [{ alias: 'node.example-81', url: 'http://node.example:81/base', share: 1 }] },
    ],
    [
      'FARMER_DOWNLOAD_ORIGINS',
      'https://a.example, http://b.example:1',
      { downloadOrigins: ['https://a.example', 'http://b.example:1'] },
    ],
    [
      'FARMER_NODE_URL',
      'https://a.example=3, https://b.example=1',
      {
        nodes: [
          { alias: 'a.example', share: 0.75 },
          { alias: 'b.example', url: 'https://b.example', share: 0.25 },
        ],
      },
    ],
    [
      'FARMER_NODE_URL',
      'http://a.example/x,http://a.example/y',
      {
        nodes: [
          { alias: 'a.example', share: 0.5 },
          { alias: 'a.example-2', share: 0.5 },
        ],
      },
    ],
    [
      'FARMER_DATA_DIR',
      '/mnt/a/farm=500GB,/mnt/b=1TB',
      {
        dataDir: '/mnt/a/farm',
        disks: [
          { path: '/mnt/a/farm', sizeBytes: 500e9 },
          { path: '/mnt/b', sizeBytes: 1e12 },
        ],
      },
    ],
    ['FARMER_DATA_DIR', '/data/', { dataDir: '/data', disks: [{ path: '/data', sizeBytes: 268_435_456 }] }],
    ['FARMER_INIT', 'true', { init: true }],
    ['FARMER_MIN_FREE', '0', { minFreeBytes: 0 }],
    ['FARMER_MIN_FREE', '2GB', { minFreeBytes: 2e9 }],
    ['FARMER_SCRUB_CYCLE', '12h', { scrubCycleMs: 43_200_000 }],
    ['FARMER_SCRUB_CYCLE', 'off', { scrubCycleMs: undefined }],
    ['FARMER_READ_TIMEOUT', '1m', { readTimeoutMs: 60_000 }],
    ['FARMER_JOURNAL_SIZE', '0', { journalSize: 0 }],
    ['FARMER_HTTP_PORT', '0', { httpPort: 0 }],
    ['FARMER_WORKERS', '', {}],
  ])('accepts %s=%s', (name, value, expected) => {
    expect(read({ [name]: value })).toMatchObject(expected);
  });

  it('rejects a URL with a query without showing it', () => {
    expect(() => read({ FARMER_NODE_URL: 'http://node/?token=1' })).toThrow(
      /without user, query .* \(got "http:\/\/node\/\?\*\*\*": remove the query\)$/,
    );
  });

  it.each([
    ['FARMER_NODE_URL', 'localhost:5000', 'http or https URL'],
    ['FARMER_NODE_URL', 'ftp://node', 'http or https URL'],
    ['FARMER_ALIAS', 'a b', 'up to 63 letters'],
    ['FARMER_ALIAS', '<script>', 'up to 63 letters'],
    ['FARMER_ADDRESS', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jW', 'SJCX'],
    ['FARMER_ADDRESS', 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4', 'SJCX'],
    ['FARMER_SIZE', '12XB', '512MiB'],
    ['FARMER_SIZE', '0', 'above 0'],
    ['FARMER_SIZE', '-1', 'above 0'],
    ['FARMER_SIZE', '99999999999TB', 'above 0'],
    ['FARMER_GENESIS_SHA256', 'abc', '64 lowercase hex'],
    ['FARMER_HTTP_PORT', '65536', '0 to 65535'],
    ['FARMER_HTTP_PORT', '80a', '0 to 65535'],
    ['FARMER_POLL_INTERVAL', '0', '100ms'],
    ['FARMER_POLL_INTERVAL', 'soon', '100ms'],
    ['FARMER_WORKERS', '0', '1 to 64'],
    ['FARMER_LOG_LEVEL', 'loud', 'error, warn, info, debug'],
    ['FARMER_LOG_FORMAT', 'xml', 'json, pretty'],
    ['FARMER_DOWNLOAD_ORIGINS', 'invalid', 'origins'],
    ['FARMER_NODE_MOVED', 'yes', 'true or false'],
    ['FARMER_NODE_URL', ',', 'http or https URL'],
    ['FARMER_NODE_ALIAS', 'a b', 'one unique name per node'],
    ['FARMER_NODE_ALIAS', 'one,two', 'one unique name per node'],
    ['FARMER_PROTOCOL', 'V1', 'did you mean v1?'],
    ['FARMER_PROTOCOL', 'v1,prototype', 'or one of them per node, separated by commas (got "v1,prototype"; number of'],
    ['FARMER_DATA_DIR', '/mnt/a=lots', 'with a capacity each'],
    ['FARMER_DATA_DIR', ' ', 'a directory'],
    ['FARMER_INIT', '1', 'true or false'],
    ['FARMER_MIN_FREE', 'some', '512MiB'],
    ['FARMER_SCRUB_CYCLE', '2w', 'or off'],
    ['FARMER_READ_TIMEOUT', '2h', 'to 1h'],
    ['FARMER_JOURNAL_SIZE', '-1', '0 to 100000'],
  ])('rejects %s=%s and reports the variable, the value and what is allowed', (name, value, allowed) => {
    expect(() => read({ [name]: value })).toThrow(expect.objectContaining({ code: 'invalid_settings' }));
    expect(() => read({ [name]: value })).toThrow(name);
    expect(() => read({ [name]: value })).toThrow(`got ${JSON.stringify(value)}`);
    expect(() => read({ [name]: value })).toThrow(allowed);
  });

  it.each([
    ['~/farm', '~ is not expanded'],
    ['"/srv/farm"', 'quotes'],
    ["'/srv/farm'", 'quotes'],
    ['“/srv/farm”', 'quotes'],
    ['/srv/a=1GB,"/srv/b"=1GB', 'quotes'],
    ['/srv/a=1GB,~/b=1GB', '~ is not expanded'],
    ['$HOME/farm', 'variables'],
    ['/home/$USER/farm', 'variables'],
    ['file:///srv/farm', 'instead of a URL'],
    ['/srv/my\\ farm', 'backslashes'],
    ['/srv/fa\rrm', 'control characters'],
  ])('rejects the data directory %j with a hint, since it would name a new one', (value, hint) => {
    expect(() => read({ FARMER_DATA_DIR: value })).toThrow(/^FARMER_DATA_DIR: expected a directory/);
    expect(() => read({ FARMER_DATA_DIR: value })).toThrow(hint);
  });

  it.each([
    ['FARMER_ADDRESS', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jW', 'the checksum is wrong: at least one character is'],
    ['FARMER_ADDRESS', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3j', 'the checksum is wrong'],
    ['FARMER_ADDRESS', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jO', 'do not contain the character "O"'],
    ['FARMER_ADDRESS', '19qVgG8C6eX', 'it has 11 characters'],
    ['FARMER_ADDRESS', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy', 'an address of another kind or network'],
    ['FARMER_NODE_URL', 'localhost:5000', 'did you mean http://localhost:5000?'],
    ['FARMER_NODE_URL', 'http//node.example/a', 'did you mean http://node.example/a?'],
    ['FARMER_NODE_URL', 'http://a,[::1]:5000=2', 'did you mean http://[::1]:5000?'],
    ['FARMER_NODE_URL', 'node', 'start it with http:// or https://'],
    ['FARMER_NODE_URL', 'http://a http://b', 'separate several with commas'],
    ['FARMER_NODE_URL', 'http://user@node', 'remove the user and the password'],
    ['FARMER_DOWNLOAD_ORIGINS', 'chunks.example.org', 'did you mean http://chunks.example.org?'],
    ['FARMER_PROXY', 'proxy:3128', 'did you mean http://proxy:3128?'],
    ['FARMER_PROXY', 'http://user@proxy/path', 'remove what follows the port'],
    ['FARMER_HTTP_HOST', '127.0.0.1:8080', 'remove the port'],
    ['FARMER_ALLOWED_HOSTS', 'https://farmer.example.org', 'write a host instead of a URL'],
    ['FARMER_LOG_LEVEL', 'warning', 'did you mean warn?'],
    ['FARMER_LOG_FORMAT', 'JSON', 'did you mean json?'],
    ['FARMER_SIZE', '500G', 'write 500GB or 500GiB'],
    ['FARMER_INIT', 'True', 'did you mean true?'],
    ['FARMER_GENESIS_SHA256', 'A'.repeat(64), 'write it in lowercase'],
  ])('says what is wrong with %s=%s', (name, value, mistake) => {
    expect(() => read({ [name]: value })).toThrow(mistake);
  });

  it('resolves relative paths', () => {
    expect(read({ FARMER_DATA_DIR: 'farm' }).dataDir).toBe(resolve('farm'));
  });

  it.each(['FARMER_GENESIS', 'FARMER_SIZE', 'FARMER_ALIAS'])('rejects quotes around %s with a hint', (name) => {
    expect(() => read({ [name]: '"/x"' })).toThrow('remove the quotes');
  });

  it('requires an address', () => {
    expect(() => readConfig({ env: {} })).toThrow('FARMER_ADDRESS is not set');
  });

  it('requires a genesis file and its hash together', () => {
    expect(() => read({ FARMER_GENESIS: '/g' })).toThrow('FARMER_GENESIS_SHA256 is not set');
    expect(() => read({ FARMER_GENESIS_SHA256: 'a'.repeat(64) })).toThrow('FARMER_GENESIS is not set');
  });

  it('rejects duplicate nodes, nodes without a share, duplicate disks and missing capacities', () => {
    expect(() => read({ FARMER_NODE_URL: 'http://a,http://a/' })).toThrow('FARMER_NODE_URL: http://a is listed twice');
    expect(() => read({ FARMER_NODE_URL: 'http://a=0' })).toThrow(
      'FARMER_NODE_URL: the share of http://a must be greater than 0 (got "0")',
    );
    expect(() => read({ FARMER_NODE_URL: 'http://a,http://b', FARMER_NODE_ALIAS: 'x,x' })).toThrow(
      'one unique name per node',
    );
    expect(() => read({ FARMER_DATA_DIR: '/a=1GB,/a=1GB' })).toThrow('/a is listed twice');
    expect(() => read({ FARMER_DATA_DIR: '/a=1GB,/a/b=1GB' })).toThrow('inside another directory');
    expect(() => read({ FARMER_DATA_DIR: '/a=1GB,/b' })).toThrow('/b has no capacity');
    expect(() => read({ FARMER_DATA_DIR: '/a=1GB', FARMER_SIZE: '2GB' })).toThrow('remove one of them');
  });

  it('requires capacity for at least one chunk of the prototype API, unless another API may be used', () => {
    const prototype = { FARMER_PROTOCOL: 'prototype' };
    expect(() => read({ ...prototype, FARMER_DATA_DIR: '/a=1GB,/b=1MB' })).toThrow(
      'FARMER_DATA_DIR: the capacity of /b must be at least 32MiB',
    );
    expect(() => read({ ...prototype, FARMER_SIZE: '31MiB' })).toThrow('FARMER_SIZE must be at least 32MiB');
    const mixed = { FARMER_NODE_URL: 'http://a,http://b', FARMER_PROTOCOL: 'v1,prototype' };
    expect(() => read({ ...mixed, FARMER_SIZE: '31MiB' })).toThrow('FARMER_SIZE must be at least 32MiB');
    for (const FARMER_PROTOCOL of ['v1', 'auto'])
      expect(read({ FARMER_PROTOCOL, FARMER_SIZE: '1MB' }).disks).toMatchObject([{ sizeBytes: 1_000_000 }]);
  });

  it('reports all invalid settings at once, each by its flag or variable', () => {
    expect(() => read({ FARMER_WORKERS: 'x' }, { size: 'y' })).toThrow(/--size: .*"y".*\n.*FARMER_WORKERS: .*"x"/s);
  });

  it('does not show credentials of a URL', () => {
    expect(() => read({ FARMER_NODE_URL: 'http://me:hunter2@node' })).not.toThrow('hunter2');
    expect(() => read({ FARMER_NODE_URL: 'http://me:hunter2@node' })).toThrow('http://***@node');
    expect(() => read({ FARMER_NODE_URL: 'http://me:p@hunter2@node/' })).toThrow('http://***@node/');
  });
});

describe('findUsedNames', () => {
  it('names flags instead of variables, also if the configuration file is unusable', () => {
    const flags = { size: '1GB' };
    for (const env of [{ FARMER_WORKERS: '1' }, { FARMER_CONFIG: '/nonexistent' }]) {
      expect([...findUsedNames({ env, flags })]).toEqual([['FARMER_SIZE', '--size']]);
    }
  });
});

describe('readCommandConfig', () => {
  it('needs the data directory and nothing else', () => {
    const env = { FARMER_DATA_DIR: '/mnt/a=1GB,/mnt/b=1GB', FARMER_SIZE: 'invalid' };
    expect(readCommandConfig({ env })).toEqual({ dataDir: '/mnt/a' });
  });

  it('rejects an invalid data directory', () => {
    expect(() => readCommandConfig({ env: { FARMER_DATA_DIR: ',' } })).toThrow('FARMER_DATA_DIR: expected a directory');
  });
});

describe('readNodeConfig', () => {
  it('returns the first node and reads no other setting', () => {
    const env = { FARMER_NODE_URL: 'http://a,http://b', FARMER_PROXY: 'http://user:p@proxy:3128' };
    expect(readNodeConfig({ env })).toMatchObject({ url: 'http://a', proxyUrl: 'http://user:p@proxy:3128/' });
  });
});

describe('The network settings', () => {
  const read = (env: Record<string, string>) => readNodeConfig({ env });

  it.each(['proxy:3128', 'socks5://proxy:1080', 'http://proxy/path', 'http://proxy?x', 'http://'])(
    'reject the proxy %s',
    (proxy) => {
      expect(() => read({ FARMER_PROXY: proxy })).toThrow(/^FARMER_PROXY: expected an http or https URL/);
    },
  );

  it.each(['socks5://me:hunter2@proxy', 'me:hunter2@proxy:3128', 'http://me:hunter2@proxy/path'])(
    'do not show the password of the invalid proxy %s',
    (proxy) => {
      expect(() => read({ FARMER_PROXY: proxy })).toThrow(/^(?!.*hunter2)FARMER_PROXY/);
    },
  );

  it('reject exceptions that match nothing', () => {
    expect(() => read({ FARMER_NO_PROXY: 'a.example,10.0.0.0/40' })).toThrow('FARMER_NO_PROXY: expected host names');
    expect(read({ FARMER_NO_PROXY: 'a.example, 10.0.0.0/8' })).toMatchObject({ noProxy: ['a.example', '10.0.0.0/8'] });
  });
});

describe('findProxyVariables', () => {
  it('returns the variables that have a value', () => {
    const env = { HTTP_PROXY: 'http://p', https_proxy: 'http://p', ALL_PROXY: '', NO_PROXY: 'x' };
    expect(findProxyVariables(env)).toEqual(['HTTP_PROXY', 'https_proxy']);
  });
});

describe('listUnknownVariables', () => {
  it('suggests a similar setting, if there is one', () => {
    expect(listUnknownVariables({ FARMER_SIZ: '1', FARMER_SIZE: '1', FARMER_QQQ: '1' })).toEqual([
      { name: 'FARMER_SIZ', didYouMean: 'FARMER_SIZE' },
      { name: 'FARMER_QQQ' },
    ]);
  });

  it('ignores variables of other programs and those that Kubernetes sets for a service', () => {
    expect(listUnknownVariables({ FARMER_SERVICE_HOST: 'x', FARMER_PORT_80_TCP: 'x', MOCK_X: '1' })).toEqual([]);
  });
});
