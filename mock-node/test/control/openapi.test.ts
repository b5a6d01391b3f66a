import { listen, silentLogger } from '@downstream/platform';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Router } from 'express';
import { createControlApp } from '../../src/control/control-app.ts';
import { MockMetrics } from '../../src/metrics.ts';
import { ControllerEvents } from '../../src/node-controller.ts';
import { setUpControlApi } from '../support/control-api.ts';
import {
  DOCUMENT,
  findSchemaErrors,
  getDocumentedResponse,
  getExample,
  OPERATIONS,
  type Operation,
} from '../support/openapi-document.ts';

const { start, ask, farm, pass, controller, controlUrl } = setUpControlApi();

const metrics = () =>
  new MockMetrics(
    { build: { version: '0', commit: 'unknown' } },
    { contracts: () => ({ due: 0, settled: 0 }), farmers: () => 0, events: new ControllerEvents() },
  );
/** Another control app for the started node. */
const createApp = ({ isReady }: { isReady: boolean }) =>
  createControlApp(
    { token: undefined, allowedHosts: [] },
    {
      controller: controller(),
      metrics: metrics(),
      log: silentLogger,
      apiPort: 5000,
      isReady: () => isReady,
      closing: new AbortController().signal,
    },
  );

describe('the OpenAPI document', () => {
  it('is served', async () => {
    await start();
    expect(await ask('GET', '/openapi.json')).toMatchObject({ status: 200, json: DOCUMENT });
  });

  it('is valid OpenAPI 3.1', async () => {
    expect(DOCUMENT.openapi).toMatch(/^3\.1\./);
    const { valid, errors } = await new Validator().validate({ ...DOCUMENT });
    expect({ valid, errors }).toEqual({ valid: true });
  });

  it('contains exactly the routes that are served', async () => {
    await start();
    const served = getEffectRoutes(createApp({ isReady: true }).router).filter((route) => route !== 'GET /metrics');
    const described = OPERATIONS.map(({ method, path }) => `${method} ${path}`);
    expect(described.toSorted()).toEqual(served.toSorted());
  });

  it('describes each operation and each effect in a sentence', () => {
    for (const { summary } of OPERATIONS) expect(summary).toMatch(/^[A-Z].*\.$/);
    const { EffectInput } = DOCUMENT.components.schemas;
    const [, { oneOf }] = (EffectInput as { anyOf: [object, { oneOf: { description: string }[] }] }).anyOf;
    for (const { description } of oneOf) expect(description).toMatch(/\w{3}/);
    expect(oneOf.length).toBeGreaterThan(20);
  });

  it.each(OPERATIONS.filter(({ requestBody }) => requestBody !== undefined))(
    'has a valid example for $operationId',
    (operation) => {
      const schema = operation.requestBody?.content['application/json'].schema ?? {};
      expect(findSchemaErrors(getExample(operation), schema)).toBeNull();
    },
  );
});

/** The routes of a router and of the router under the prefix. `all` rejects the other methods. */
function getEffectRoutes(router: Router, prefix = ''): string[] {
  return router.stack.flatMap((layer) => {
    const { route, handle } = layer;
    if (route === undefined) return 'stack' in handle ? getEffectRoutes(handle as unknown as Router, '/__admin') : [];
    const path = prefix + route.path.replace(/:(\w+)/g, '{$1}');
    return route.stack
      .flatMap(({ method }) => (method === undefined ? [] : `${method.toUpperCase()} ${path}`))
      .filter((each, index, all) => all.indexOf(each) === index);
  });
}

describe('each operation of the document', () => {
  const FAULT = 'there';
  const SCENARIO = 'mine';
  let hash = '';
  let leaving = new AbortController();
  afterEach(() => {
    leaving.abort();
    leaving = new AbortController();
  });

  /** Starts a node with a fault, a scenario and a contract. */
  async function startWithOneOfEverything(token?: string): Promise<void> {
    await start({ controlToken: token });
    const headers = { Authorization: `Bearer ${token}` };
    await ask('POST', '/faults', { body: { name: FAULT, enabled: false, effect: 'reset' }, headers });
    await ask('PUT', `/scenarios/${SCENARIO}`, { body: {}, headers });
    hash = (await farm()).hash;
  }

  /** The path of an operation with existing parameters. */
  function pathTo({ path }: Operation, other?: { name: string; hash: string }): string {
    const name = path.includes('/scenarios/') ? SCENARIO : FAULT;
    return path
      .replace('/__admin', '')
      .replace('{name}', other?.name ?? name)
      .replace('{hash}', other?.hash ?? hash);
  }

  /** Opens as many requests as the server allows. */
  async function fillUp(path: string): Promise<void> {
    const url = `${controlUrl()}/__admin${path}`;
    const { signal } = leaving;
    const sent = Array.from({ length: 33 }, async () => await fetch(url, { signal }));
    // A stream responds immediately and a wait never does, so the first error is the one about the limit.
    if (path.includes('/wait')) await Promise.race(sent);
    else await Promise.all(sent);
    for (const each of sent) each.catch(() => {});
  }

  /** Reads the first event of a stream. */
  async function firstEvent(path: string) {
    const { signal } = leaving;
    const { status, headers, body } = await fetch(`${controlUrl()}/__admin${path}`, { signal });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('\n\ndata: ') || !text.endsWith('\n\n')) text += (await reader?.read())?.value ?? '';
    return { status, headers, text, json: JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '') };
  }

  async function notReady(path: string) {
    const server = await listen(createApp({ isReady: false }), { host: '127.0.0.1', port: 0, setting: '' });
    try {
      const response = await fetch(`${server.url}/__admin${path}`);
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, json: JSON.parse(text) };
    } finally {
      await server.close();
    }
  }

  /** Makes an operation respond with one of its documented statuses. */
  async function provoke(operation: Operation, status: string): ReturnType<typeof ask> {
    const { method, operationId } = operation;
    await startWithOneOfEverything(status === '401' ? 'open-sesame' : undefined);
    const path = pathTo(operation);
    const body = getExample(operation);
    switch (`${operationId} ${status}`) {
      case 'getReadiness 503':
        return await notReady(path);
      case 'addFault 409':
        return await ask(method, path, { body: { name: FAULT, effect: 'reset' } });
      case 'defineScenario 409':
        return await ask(method, pathTo(operation, { name: 'flaky', hash }), { body });
      case 'advanceClock 409':
        pass(Date.UTC(9999, 11, 31));
        return await ask(method, path, { body });
      case 'waitForRequests 408':
        return await ask(method, `${path}?count=9&timeoutMs=1`);
      case 'waitForRequests 503':
        await fillUp(`${path}?count=9`);
        return await ask(method, `${path}?count=9`);
      case 'streamEvents 200':
        return await firstEvent(path);
      case 'streamEvents 503':
        await fillUp(path);
        return await ask(method, path);
    }
    switch (status) {
      case '400':
        return await ask(method, `${path}?nonsense=1`, { body });
      case '403':
        return await ask(method, path, { body, headers: { Origin: 'http://evil.example' } });
      case '404':
        return await ask(method, pathTo(operation, { name: 'absent', hash: '0'.repeat(64) }), { body });
      case '413':
        return await ask(method, path, { body: ' '.repeat(2 * 1024 * 1024) });
      case '415':
        return await ask(method, path, { body, headers: { 'Content-Type': 'text/plain' } });
      default:
        return await ask(method, path, { body });
    }
  }

  const documented = OPERATIONS.flatMap((operation) =>
    Object.keys(operation.responses).map((status) => [operation.operationId, status, operation] as const),
  );

  it.each(documented)('responds as documented: %s %s', async (_, status, operation) => {
    const response = await provoke(operation, status);
    expect({ status: String(response.status), text: response.text }).toMatchObject({ status });
    const { type, schema } = getDocumentedResponse(operation, status);
    expect(response.headers.get('content-type')?.split(';')[0]).toBe(type);
    if (schema === undefined) expect(response.text).toBe('');
    else expect(findSchemaErrors(response.json, schema)).toBeNull();
  });
});

describe('the document and the server', () => {
  const fault = { name: 'a', effect: 'reset' };

  it.each([
    ['an effect by its kind alone', { name: 'a', effect: 'status' }, true],
    ['an effect with its parameters', { name: 'a', effect: { kind: 'status', status: 500 } }, true],
    ['an effect without its defaults', { name: 'a', effect: { kind: 'uniform', maxMs: 5 } }, true],
    ['an effect without a required parameter', { name: 'a', effect: 'fixed' }, false],
    ['an unknown effect', { name: 'a', effect: 'explode' }, false],
    ["another effect's parameter", { name: 'a', effect: { kind: 'reset', ms: 1 } }, false],
    ['an unknown field', { ...fault, probabilty: 1 }, false],
    ['a route', { ...fault, match: { route: 'due' } }, true],
    ['several routes', { ...fault, match: { route: ['due', 'new'] } }, true],
    ['every route', { ...fault, match: { route: '*' } }, true],
    ['no route', { ...fault, match: { route: [] } }, false],
    ['a window', { ...fault, window: { durationMs: 5 } }, true],
    ['null for a limit', { ...fault, times: null }, false],
    ['no name', { effect: 'reset' }, false],
    ['an invalid name', { ...fault, name: 'A b' }, false],
  ])('agree on %s', async (_, body, isValid) => {
    await start();
    const { status } = await ask('POST', '/faults', { body });
    expect({
      server: status === 201,
      document: findSchemaErrors(body, { $ref: '#/components/schemas/FaultInput' }) === null,
    }).toEqual({
      server: isValid,
      document: isValid,
    });
  });
});
