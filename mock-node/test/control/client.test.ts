import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ControlClient, type ControllerEvent } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from '../support/control-api.ts';
import { API } from '../support/mock-node.ts';

const { start, farm, get, register, controlUrl, close } = setUpControlApi();

const client = (token?: string) => new ControlClient(controlUrl(), { token });
const BUSY = { name: 'busy', match: { route: 'new' as const }, effect: { kind: 'status' as const, status: 503 } };

describe('ControlClient', () => {
  it('adds, changes, restarts, replaces and removes faults', async () => {
    await start();
    const control = client();
    expect(await control.addFault(BUSY)).toMatchObject({ name: 'busy', state: 'active', applied: 0 });
    await register();
    expect(await control.getFault('busy')).toMatchObject({ applied: 1 });
    expect(await control.updateFault('busy', { enabled: false })).toMatchObject({ state: 'disabled' });
    expect(await control.restartFault('busy')).toMatchObject({ applied: 0 });
    await control.removeFault('busy');
    expect(await control.replaceFaults([BUSY, { name: 'gone', effect: 'empty' }])).toHaveLength(2);
    await control.removeFaults();
    expect(await control.listFaults()).toEqual([]);
  });

  it('defines and applies scenarios, changes settings and resets the node', async () => {
    await start();
    const control = client();
    expect((await control.listScenarios()).length).toBeGreaterThan(3);
    await control.defineScenario({ name: 'mine', config: { intervalMs: 1_000 }, faults: [BUSY] });
    expect(await control.getScenario('mine')).toMatchObject({ description: '' });
    expect(await control.applyScenario('mine')).toMatchObject({ name: 'mine' });
    expect(await control.getInfo()).toMatchObject({ scenario: 'mine' });
    expect(await control.getConfig()).toMatchObject({ intervalMs: 1_000 });
    expect(await control.updateConfig({ maxFailures: 3 })).toMatchObject({ intervalMs: 1_000, maxFailures: 3 });
    await control.reset(['faults']);
    expect(await control.getConfig()).toMatchObject({ maxFailures: 3 });
    await control.reset();
    expect(await control.getConfig()).toMatchObject({ maxFailures: 10 });
  });

  it('lists and controls contracts and the clock', async () => {
    await start();
    const control = client();
    const { hash, token } = await farm();
    expect(await control.listContracts({ farmer: token, limit: 5 })).toEqual([await control.getContract(hash)]);
    expect(await control.setClock({ mode: 'frozen' })).toMatchObject({ mode: 'frozen' });
    expect(await control.advanceClock(60_000)).toEqual(await control.getClock());
    expect(await control.getContract(hash)).toMatchObject({ unanswered: 1 });
    expect(await control.challengeContract(hash)).toMatchObject({ opened: false });
    await control.expireContract(hash);
    expect(await control.listContracts()).toEqual([]);
  });

  it('queries and clears the journal', async () => {
    await start();
    const control = client();
    const waiting = control.waitForRequests({ route: 'due' }, { count: 2 });
    const { token } = await farm();
    for (let n = 0; n < 2; n++) await get(`${API}/due/${token}`);
    await get('/elsewhere');
    expect(await waiting).toBe(2);
    expect(await control.listRequests({ farmer: token, limit: 1 })).toMatchObject([{ id: 4, route: 'due' }]);
    expect(await control.countRequests({ status: 200 })).toBe(4);
    expect(await control.listUnmatchedRequests()).toMatchObject([{ path: '/elsewhere' }]);
    await control.clearRequests();
    expect(await control.countRequests()).toBe(0);
  });

  it('streams events until its signal is aborted', async () => {
    await start();
    const control = client();
    const enough = new AbortController();
    const seen: ControllerEvent[] = [];
    for await (const event of control.streamEvents({ signal: enough.signal })) {
      seen.push(event);
      if (event.type === 'clock') await control.addFault(BUSY);
      if (event.type === 'fault') enough.abort();
    }
    expect(seen.map(({ type }) => type)).toEqual(['clock', 'fault']);
  });

  it('ends the stream of events when the node closes', async () => {
    await start();
    const seen: string[] = [];
    for await (const { type } of client().streamEvents()) {
      seen.push(type);
      await close();
    }
    expect(seen).toEqual(['clock']);
  });

  it('sends its token', async () => {
    await start({ controlToken: 'open-sesame' });
    expect(await client('open-sesame').getInfo()).toMatchObject({ seed: '42' });
    await expect(client().getInfo()).rejects.toMatchObject({ code: 'unauthorized', status: 401 });
    await expect(client('another-one').streamEvents().next()).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('accepts URLs with and without a trailing slash', async () => {
    await start();
    for (const url of [controlUrl(), `${controlUrl()}/`, new URL(controlUrl())])
      expect(await new ControlClient(url).getClock()).toMatchObject({ scale: 1 });
  });

  it('never addresses another resource because of a special name', async () => {
    await start();
    const control = client();
    await control.addFault(BUSY);
    for (const name of ['', '.', '..', '/', '../faults', 'busy/', 'busy?', 'busy#'])
      await expect(control.removeFault(name)).rejects.toHaveProperty('code');
    expect(await control.listFaults()).toHaveLength(1);
  });
});

describe('ControlError', () => {
  it('has a code, and the message and the place of each error', async () => {
    await start();
    const control = client();
    await control.addFault(BUSY);
    await expect(control.addFault(BUSY)).rejects.toMatchObject({ name: 'ControlError', code: 'conflict', status: 409 });
    await expect(control.getFault('absent')).rejects.toMatchObject({
      code: 'unknown',
      message: 'unknown fault: absent',
    });
    await expect(control.addFault({ ...BUSY, name: 'other', times: 0 })).rejects.toMatchObject({
      code: 'bad_request',
      errors: [{ pointer: '/times' }],
      message: expect.stringContaining('/times: '),
    });
  });

  it('has the number of matching requests when a wait times out', async () => {
    await start();
    await register();
    await expect(client().waitForRequests({}, { count: 3, timeoutMs: 20 })).rejects.toMatchObject({
      code: 'timeout',
      status: 408,
      count: 1,
    });
  });

  it('has the code unreachable if there is no response', async () => {
    await start();
    const control = client();
    await close();
    await expect(control.getInfo()).rejects.toMatchObject({ code: 'unreachable', status: undefined });
    await expect(control.streamEvents().next()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it.each([
    ['no JSON', 200, '<html>', 'invalid_response'],
    ['other JSON', 200, '{"version":1}', 'invalid_response'],
    ['empty', 200, '', 'invalid_response'],
    ['an error of another server', 502, '{"oops":true}', 'failed'],
    ["a proxy's page", 502, '<html>', 'failed'],
  ])('reports a response that is %s', async (_, status, body, code) => {
    await servedBy(
      (_request, response) => response.writeHead(status).end(body),
      async (url) => {
        await expect(new ControlClient(url).getInfo()).rejects.toMatchObject({ code, status });
      },
    );
  });

  it.each(['data: {"type":"config"}\n\ndata: {"type', 'data: {"type":"config"}\n\ndata: {"type":"new"}\n\n'])(
    'reports a broken event stream: %j',
    async (text) => {
      const seen: string[] = [];
      const listen = async (url: string) => {
        for await (const { type } of new ControlClient(url).streamEvents()) seen.push(type);
      };
      await servedBy(
        (_request, response) => {
          response.writeHead(200, { 'Content-Length': 1_000 }).write(text, () => response.destroy());
        },
        async (url) => await expect(listen(url)).rejects.toMatchObject({ name: 'ControlError', code: 'unreachable' }),
      );
      expect(seen).toEqual(['config']);
    },
  );

  async function servedBy(handler: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
    const server = createServer(handler);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await use(`http://127.0.0.1:${port}`);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
});
