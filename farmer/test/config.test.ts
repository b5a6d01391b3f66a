import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const read = (env: Record<string, string>, flags?: Record<string, string>) =>
  readConfig({ env: { FARMER_ADDRESS: ADDRESS, ...env }, ...(flags && { flags }) });

describe('the configuration', () => {
  it('has sensible defaults', () => {
    expect(read({})).toMatchObject({
      nodeUrl: 'http://localhost:5000',
      address: ADDRESS,
      size: 8 * 32 * 1024 * 1024,
      httpHost: '127.0.0.1',
      httpPort: 8080,
      pollIntervalMs: undefined,
      logLevel: 'info',
      downloadOrigins: [],
    });
  });

  it.each([
    ['FARMER_SIZE', '1GB', { size: 1_000_000_000 }],
    ['FARMER_SIZE', '512MiB', { size: 536_870_912 }],
    ['FARMER_SIZE', '33554432', { size: 33_554_432 }],
    ['FARMER_POLL_INTERVAL', '5', { pollIntervalMs: 5_000 }],
    ['FARMER_POLL_INTERVAL', '250ms', { pollIntervalMs: 250 }],
    ['FARMER_NODE_URL', 'https://node.example/', { nodeUrl: 'https://node.example' }],
    ['FARMER_NODE_URL', 'http://node.example:81/base/', { nodeUrl: 'http://node.example:81/base' }],
    [
      'FARMER_DOWNLOAD_ORIGINS',
      'https://a.example, http://b.example:1',
      { downloadOrigins: ['https://a.example', 'http://b.example:1'] },
    ],
    ['FARMER_HTTP_PORT', '0', { httpPort: 0 }],
    ['FARMER_WORKERS', '', {}],
  ])('takes %s=%s', (name, value, expected) => {
    expect(read({ [name]: value })).toMatchObject(expected);
  });

  it.each([
    ['FARMER_NODE_URL', 'localhost:5000', 'http or https URL'],
    ['FARMER_NODE_URL', 'ftp://node', 'http or https URL'],
    ['FARMER_NODE_URL', 'http://node/?token=1', 'without user, query'],
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
    ['FARMER_DOWNLOAD_ORIGINS', 'somewhere', 'origins'],
    ['FARMER_NODE_MOVED', 'yes', 'true or false'],
  ])('refuses %s=%s, naming variable, value and what is allowed', (name, value, allowed) => {
    expect(() => read({ [name]: value })).toThrow(expect.objectContaining({ code: 'bad_settings' }));
    expect(() => read({ [name]: value })).toThrow(`${name} is ${JSON.stringify(value)}`);
    expect(() => read({ [name]: value })).toThrow(allowed);
  });

  it('wants an address', () => {
    expect(() => readConfig({ env: {} })).toThrow('FARMER_ADDRESS is not set');
  });

  it('wants a genesis file and its hash together', () => {
    expect(() => read({ FARMER_GENESIS: '/g' })).toThrow('FARMER_GENESIS_SHA256 is not set');
    expect(() => read({ FARMER_GENESIS_SHA256: 'a'.repeat(64) })).toThrow('FARMER_GENESIS is not set');
  });

  it('wants room for one chunk at least', () => {
    expect(() => read({ FARMER_SIZE: '31MiB' })).toThrow('at least 32MiB');
  });

  it('names everything that is wrong at once, by flag where a flag was given', () => {
    expect(() => read({ FARMER_WORKERS: 'x' }, { size: 'y' })).toThrow(/--size is "y".*\n.*FARMER_WORKERS is "x"/s);
  });

  it('never shows credentials of a URL', () => {
    expect(() => read({ FARMER_NODE_URL: 'http://me:hunter2@node' })).not.toThrow('hunter2');
    expect(() => read({ FARMER_NODE_URL: 'http://me:hunter2@node' })).toThrow('http://***@node');
    expect(() => read({ FARMER_NODE_URL: 'http://me:p@hunter2@node/' })).toThrow('http://***@node/');
  });
});
