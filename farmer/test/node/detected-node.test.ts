import type { RequestListener } from 'node:http';
import { silentLogger } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';
import type { NodeApi } from '../../src/farming/ports.ts';
import { DetectedNode } from '../../src/node/detected-node.ts';
import { NodeHttp } from '../../src/node/node-http.ts';
import { PrototypeNode } from '../../src/node/prototype-node.ts';
import { V1Node } from '../../src/node/v1-node.ts';
import { always, rawServer } from '../fakes/raw-server.ts';

const TOKEN = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
const DETECTION = [`/api/downstream/due/${'0'.repeat(32)}`, '/api/downstream/v1/'];
const RESPONSES: Readonly<Record<string, unknown>> = {
  '/api/downstream/v1/': { msg: 'ok' },
  '/api/downstream/v1/new/address': { token: TOKEN, type: 'Merkle', heartbeat: { key: '', check_fraction: 0.01 } },
};
const v1: RequestListener = (request, response) => {
  const body = RESPONSES[request.url ?? ''];
  always(JSON.stringify(body ?? {}), body === undefined ? 404 : 200)(request, response);
};
const broken = always('Bad Gateway', 502, 'text/html');

interface Farm {
  readonly configured?: NodeApi;
  readonly stored?: NodeApi;
  readonly contracts?: number;
}

/** @returns the API in use after a call, what was saved, and the requests of the call */
async function useNode(handler: RequestListener, farm: Farm, call: (node: DetectedNode) => Promise<unknown>) {
  await using server = await rawServer(handler);
  const http = new NodeHttp(server.url);
  const saved: NodeApi[] = [];
  const node = new DetectedNode(farm.configured, {
    http,
    clients: { prototype: new PrototypeNode(http), v1: new V1Node({ url: server.url }, { http }) },
    tokens: { api: () => saved.at(-1) ?? farm.stored, saveApi: (api) => void saved.push(api) },
    contracts: { size: farm.contracts ?? 0 },
    log: silentLogger,
  });
  const error = await call(node).then(
    () => undefined,
    ({ code }: { code: unknown }) => code,
  );
  http.close();
  const used = node.traits.listsAll ? 'prototype' : 'v1';
  return { used, saved, error, requests: server.requests.map(({ url }) => url) };
}

describe('DetectedNode', () => {
  const connect = (node: DetectedNode) => node.connect();
  const register = (node: DetectedNode) => node.register('address');

  it('detects the API when it connects for the first time', async () => {
    expect(await useNode(v1, {}, connect)).toEqual({
      used: 'v1',
      saved: ['v1'],
      error: undefined,
      requests: DETECTION,
    });
  });

  it.each<[string, Farm, NodeApi]>([
    ['the prototype API of its token', { stored: 'prototype' }, 'prototype'],
    ['the v1 API of its token', { stored: 'v1', contracts: 1 }, 'v1'],
    ['the prototype API if an earlier version stored its contracts', { contracts: 1 }, 'prototype'],
  ])('connects with %s, without asking the node', async (_, farm, used) => {
    expect(await useNode(v1, farm, connect)).toEqual({ used, saved: [], error: undefined, requests: [] });
  });

  it('detects the API again when it registers', async () => {
    expect(await useNode(v1, { stored: 'prototype', contracts: 1 }, register)).toEqual({
      used: 'v1',
      saved: ['v1'],
      error: undefined,
      requests: [...DETECTION, '/api/downstream/v1/new/address'],
    });
  });

  it('uses the configured API', async () => {
    expect(await useNode(v1, { configured: 'v1', stored: 'v1' }, register)).toEqual({
      used: 'v1',
      saved: [],
      error: undefined,
      requests: ['/api/downstream/v1/new/address'],
    });
  });

  it.each([
    ['connects', connect, {}, 'prototype'],
    ['registers', register, { stored: 'v1' } as const, 'v1'],
  ])('keeps what it knows if the node does not respond when it %s', async (_, call, farm, used) => {
    const result = await useNode(broken, farm, call);
    expect(result).toMatchObject({ used, saved: [], error: 'http_error', requests: DETECTION.slice(0, 1) });
  });
});
