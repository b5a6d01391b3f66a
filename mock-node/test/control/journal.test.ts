import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from '../support/control-api.ts';
import { API } from '../support/mock-node.ts';

const { start, ask, farm, register, get, loggedChanges, controlUrl } = setUpControlApi();

const getIds = async (query: string) =>
  (await ask('GET', `/requests${query}`)).json.map(({ id }: { id: number }) => id);

describe('the journal operations', () => {
  it('list each request with its result and without secrets', async () => {
    await start();
    await ask('POST', '/faults', {
      body: { name: 'late', match: { route: 'challenge' }, effect: { kind: 'fixed', ms: 1 } },
    });
    const { token, hash, secret, response, answer } = await farm();
    await answer();
    const { status, json, text } = await ask('GET', '/requests?route=challenge');
    expect(status).toBe(200);
    expect(json).toEqual([
      {
        id: 3,
        at: '1970-01-01T00:16:40.000Z',
        requestId: expect.stringMatching(/^[0-9a-f]{12}$/),
        method: 'GET',
        route: 'challenge',
        path: `${API}/challenge/${token.slice(0, 6)}…/${hash}/${response.slice(0, 6)}…`,
        farmer: token.slice(0, 6),
        contract: hash,
        status: 200,
        durationMs: expect.any(Number),
        faults: ['late'],
        responseBody: '{"status":"pass"}',
        responseBytes: expect.any(Number),
      },
    ]);
    const everything = text + (await ask('GET', '/requests')).text;
    for (const own of [token, secret, response]) expect(everything).not.toContain(own);
  });

  it('exclude health checks and metrics', async () => {
    await start();
    await get('/healthz');
    await get('/metrics');
    await ask('GET', '/info');
    expect((await ask('GET', '/requests')).json).toEqual([]);
  });

  it('filter by route, method, status, fault and id', async () => {
    await start();
    await ask('POST', '/faults', {
      body: { name: 'busy', match: { route: 'due' }, skip: 1, effect: { kind: 'status', status: 503 } },
    });
    const { token, hash } = await farm();
    await get(`${API}/due/${token}`);
    await get(`${API}/due/${token}`);
    await get(`${API}/remove/${token}/${hash}`, { method: 'DELETE' });
    await get('/elsewhere');
    expect(await getIds('')).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await getIds('?route=due')).toEqual([3, 4]);
    expect(await getIds('?method=DELETE')).toEqual([5]);
    expect(await getIds('?status=503')).toEqual([4]);
    expect(await getIds('?status=404')).toEqual([6]);
    expect(await getIds('?fault=busy')).toEqual([4]);
    expect(await getIds('?since=4')).toEqual([5, 6]);
    expect(await getIds('?route=due&status=200')).toEqual([3]);
    expect(await getIds('?route=answer')).toEqual([]);
  });

  it('filter by farmer and contract, or the beginning of either', async () => {
    await start();
    const [one, other] = [await farm(), await farm()];
    await one.answer();
    await other.answer();
    for (const farmer of [one.token, one.token.slice(0, 10), one.token.slice(0, 6), one.token.slice(0, 3)])
      expect(await getIds(`?farmer=${farmer}`)).toEqual([2, 5]);
    expect(await getIds(`?farmer=${other.token}`)).toEqual([4, 6]);
    for (const contract of [one.hash, one.hash.slice(0, 8)]) expect(await getIds(`?contract=${contract}`)).toEqual([5]);
    expect(await getIds(`?contract=${one.hash}&farmer=${other.token}`)).toEqual([]);
  });

  it('return the latest requests up to the limit, oldest first', async () => {
    await start();
    for (let n = 0; n < 5; n++) await register();
    expect(await getIds('?limit=2')).toEqual([4, 5]);
  });

  it('count matching requests', async () => {
    await start();
    const { token } = await farm();
    await get(`${API}/due/${token}`);
    expect(await ask('GET', '/requests/count?route=due')).toMatchObject({ status: 200, json: { count: 1 } });
    expect((await ask('GET', '/requests/count')).json).toEqual({ count: 3 });
  });

  it('keep the configured number and count the dropped ones', async () => {
    await start({ journalSize: 3 });
    for (let n = 0; n < 5; n++) await register();
    expect(await getIds('')).toEqual([3, 4, 5]);
    expect((await ask('GET', '/info')).json.requests).toEqual({ kept: 3, dropped: 2 });
  });

  it('keep no requests if the size is 0', async () => {
    await start({ journalSize: 0 });
    await register();
    expect(await getIds('')).toEqual([]);
    expect((await ask('GET', '/info')).json.requests).toEqual({ kept: 0, dropped: 1 });
  });

  it('list requests without a route separately', async () => {
    await start();
    await register();
    await get('/no/such/route');
    const { json } = await ask('GET', '/requests/unmatched');
    expect(json).toMatchObject([{ id: 2, route: null, path: '/no/such/route', status: 404 }]);
  });

  it('clear the journal and continue the ids', async () => {
    await start();
    await register();
    expect(await ask('DELETE', '/requests')).toMatchObject({ status: 204 });
    expect(await getIds('')).toEqual([]);
    await register();
    expect(await getIds('')).toEqual([2]);
    expect(loggedChanges()).toEqual([{ message: 'journal cleared' }]);
  });
});

describe('waitForRequests', () => {
  it('responds immediately if enough requests have matched', async () => {
    await start();
    await register();
    expect(await ask('GET', '/requests/wait?route=new')).toMatchObject({ status: 200, json: { count: 1 } });
  });

  it('responds as soon as enough requests have matched, including earlier ones', async () => {
    await start();
    await register();
    const waiting = ask('GET', '/requests/wait?route=new&count=3&timeoutMs=20000');
    await register();
    await get('/elsewhere');
    // It is still waiting: a later request gets its response first.
    expect(await Promise.race([waiting.then(() => 'over'), ask('GET', '/info').then(() => 'waits')])).toBe('waits');
    await register();
    expect(await waiting).toMatchObject({ status: 200, json: { count: 3 } });
  });

  it('counts more requests than the journal keeps', async () => {
    await start({ journalSize: 1 });
    const waiting = ask('GET', '/requests/wait?count=3&timeoutMs=20000');
    let isOver = false;
    void waiting.then(() => {
      isOver = true;
    });
    for (let n = 0; n < 1_000 && !isOver; n++) await register();
    expect(await waiting).toMatchObject({ status: 200, json: { count: 3 } });
  });

  it('responds with 408 and the number of matching requests after the timeout', async () => {
    await start();
    await register();
    const { status, json } = await ask('GET', '/requests/wait?count=2&timeoutMs=50');
    expect({ status, json }).toEqual({
      status: 408,
      json: { status: 'error', message: '1 of 2 requests matched within 50 ms', count: 1 },
    });
  });

  it('ends when its client disconnects and frees its place', async () => {
    await start();
    for (let round = 0; round < 3; round++) {
      const hurry = new AbortController();
      const waits = Array.from({ length: 20 }, async () => await waitWith(hurry.signal));
      await ask('GET', '/info');
      hurry.abort();
      expect(await Promise.all(waits)).toEqual(Array(20).fill('gone'));
    }
    expect((await ask('GET', '/requests/wait?timeoutMs=1')).status).toBe(408);
  });

  it('allows 32 waiting clients', async () => {
    await start();
    const hurry = new AbortController();
    const ends: (number | 'gone')[] = [];
    let eighth = () => {};
    const eightEnded = new Promise<void>((resolve) => {
      eighth = resolve;
    });
    const waits = Array.from({ length: 40 }, async () => {
      if (ends.push(await waitWith(hurry.signal)) === 8) eighth();
    });
    await eightEnded;
    expect(ends).toEqual(Array(8).fill(503));
    hurry.abort();
    await Promise.all(waits);
    expect(ends.slice(8)).toEqual(Array(32).fill('gone'));
  });

  async function waitWith(signal: AbortSignal): Promise<number | 'gone'> {
    try {
      return (await fetch(`${controlUrl()}/__admin/requests/wait?timeoutMs=60000`, { signal })).status;
    } catch {
      return 'gone';
    }
  }
});
