import { gzipSync } from 'node:zlib';
import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { NodeError } from '../../src/farming/errors.ts';
import { ClockSkew } from '../../src/node/clock-skew.ts';
import { NodeHttp } from '../../src/node/node-http.ts';
import { PrototypeNode } from '../../src/node/prototype-node.ts';
import { parseRetryAfter } from '../../src/node/retry-after.ts';
import { rawServer } from '../fakes/raw-server.ts';

const NOW = Date.UTC(2030, 0, 1);
const dated = (atMs: number) => new Date(atMs).toUTCString();

describe('parseRetryAfter', () => {
  it.each<[unknown, number | undefined]>([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['999999999999', 3_600_000],
    [dated(NOW + 30_000), 30_000],
    [dated(NOW - 30_000), 0],
    [dated(NOW + 100 * 86_400_000), 3_600_000],
    ['soon', undefined],
    ['', undefined],
    ['x'.repeat(10_000), undefined],
    [undefined, undefined],
    [['1', '2'], undefined],
  ])('parses %j as %p ms', (header, expected) => {
    expect(parseRetryAfter(header, { now: NOW })).toBe(expected);
  });
});

describe('NodeHttp', () => {
  it('adds Retry-After to the error of the request', async () => {
    await using server = await rawServer((_request, response) => {
      response.writeHead(503, { 'Retry-After': '17' }).end('{"status":"error"}');
    });
    const http = new NodeHttp(server.url);
    const error = await new PrototypeNode(http).listContracts('a1b2c3d4').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NodeError);
    expect(error).toMatchObject({ code: 'rejected', retryAfterMs: 17_000, details: { route: 'due', status: 503 } });
    http.close();
  });
});

describe('A response', () => {
  const listing = gzipSync(JSON.stringify({ all_contracts: [], due_contracts: [] }));
  const list = async (body: Buffer) => {
    await using server = await rawServer((request, response) => {
      expect(request.headers).toMatchObject({
        'accept-encoding': 'gzip',
        'user-agent': expect.stringMatching(/^downstream\//),
      });
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(body);
    });
    const http = new NodeHttp(server.url);
    try {
      return await new PrototypeNode(http).listContracts('a1b2c3d4');
    } finally {
      http.close();
    }
  };

  it('may be compressed', async () => {
    expect(await list(listing)).toMatchObject({ held: new Set() });
  });

  it.each([
    ['incomplete', listing.subarray(0, -9)],
    ['not compressed', Buffer.from('{"all_contracts":[],"due_contracts":[]}')],
  ])('with a compressed body that is %s is invalid', async (_, body) => {
    await expect(list(body)).rejects.toMatchObject({ code: 'invalid_response' });
  });
});

describe('ClockSkew', () => {
  it('ignores invalid dates', () => {
    const skew = new ClockSkew(new FakeClock(NOW));
    for (const invalid of [undefined, '', 'yesterday', 'x'.repeat(1000), ['a'], dated(0)])
      skew.addSample(invalid, NOW, NOW);
    expect(skew.seconds === undefined || Math.abs(skew.seconds) > 1e9).toBe(true);
  });

  it.each([0, 40, -3_600])('measures a skew of %i seconds to within 0.6 s', (seconds) => {
    const skew = new ClockSkew(new FakeClock(NOW));
    for (let n = 0; n < 30; n++) {
      const sentAt = NOW + n * 1_037;
      skew.addSample(dated(sentAt + 10 + seconds * 1000), sentAt, sentAt + 20);
    }
    expect(Math.abs((skew.seconds ?? Number.NaN) - seconds)).toBeLessThanOrEqual(0.6);
  });

  it('is not affected by a slow response or an implausible date', () => {
    const skew = new ClockSkew(new FakeClock(NOW));
    for (let n = 0; n < 10; n++) skew.addSample(dated(NOW + n * 1000), NOW + n * 1000, NOW + n * 1000);
    skew.addSample(dated(NOW), NOW, NOW + 60_000);
    skew.addSample('Tue, 01 Jan 1980 00:00:00 GMT', NOW, NOW);
    expect(Math.abs(skew.seconds ?? Number.NaN)).toBeLessThan(1);
  });

  it('follows a clock that is corrected', () => {
    const skew = new ClockSkew(new FakeClock(NOW));
    for (let n = 0; n < 20; n++) skew.addSample(dated(NOW + 60_000), NOW, NOW);
    for (let n = 0; n < 10; n++) skew.addSample(dated(NOW), NOW, NOW);
    expect(Math.abs(skew.seconds ?? Number.NaN)).toBeLessThan(1);
  });
});

describe('PrototypeNode', () => {
  it('enforces the timeout of the caller on a response that arrives byte by byte', async () => {
    await using server = await rawServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      const trickle = setInterval(() => response.write(' '), 5);
      response.once('close', () => clearInterval(trickle));
    });
    const http = new NodeHttp(server.url);
    await expect(new PrototypeNode(http).listContracts('a1b2c3d4', { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'timeout',
    });
    http.close();
  });
});
