import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from '../support/control-api.ts';
import { API, GENESIS_BYTES, INTERVAL_MS } from '../support/mock-node.ts';

const { start, ask, farm, get, pass, loggedChanges } = setUpControlApi();

const ABSENT = 'ab'.repeat(32);

describe('the contract operations', () => {
  it('list contracts without secrets', async () => {
    await start();
    const [one, other] = [await farm(), await farm()];
    await one.answer();
    const { status, json, text } = await ask('GET', '/contracts');
    expect(status).toBe(200);
    expect(json).toEqual([
      {
        hash: one.hash,
        farmer: one.token.slice(0, 6),
        api: 'prototype',
        index: 0,
        sizeBytes: GENESIS_BYTES,
        state: 'settled',
        round: 0,
        challenge: one.challenge,
        intervalMs: INTERVAL_MS,
        acceptedAt: '1970-01-01T00:16:40.000Z',
        dueAt: '1970-01-01T00:17:40.000Z',
        consecutiveFailures: 0,
        passed: 1,
        wrong: 0,
        unanswered: 0,
      },
      expect.objectContaining({ hash: other.hash, state: 'due', index: 1 }),
    ]);
    for (const own of [one.token, one.secret, one.response, other.token]) expect(text).not.toContain(own);
  });

  it('list the contracts of a farmer by its token or the beginning of it, up to the limit', async () => {
    await start();
    const [one, other] = [await farm(), await farm()];
    for (const farmer of [other.token, other.token.slice(0, 6)])
      expect((await ask('GET', `/contracts?farmer=${farmer}`)).json).toMatchObject([{ hash: other.hash }]);
    expect((await ask('GET', '/contracts?limit=1')).json).toMatchObject([{ hash: one.hash }]);
    for (const order of ['accepted', 'due']) {
      const all = (await ask('GET', `/contracts?order=${order}`)).json;
      expect(all.length).toBeGreaterThan(1);
      expect((await ask('GET', `/contracts?order=${order}&skip=1&limit=1`)).json).toEqual([all[1]]);
      expect((await ask('GET', `/contracts?order=${order}&skip=${all.length}`)).json).toEqual([]);
    }
    expect((await ask('GET', '/contracts?farmer=unknown')).json).toEqual([]);
  });

  it('expire a single contract', async () => {
    await start();
    const [one, other] = [await farm(), await farm()];
    expect(await ask('POST', `/contracts/${one.hash}/expire`)).toMatchObject({ status: 204 });
    expect(await one.answer()).toEqual({ status: 'no_hash' });
    expect(await other.answer()).toEqual({ status: 'pass' });
    expect(loggedChanges()).toEqual([{ message: 'contract expired', contract: one.hash }]);
    expect((await get('/metrics')).text).toContain('mock_node_contracts_ended_total{reason="expired"} 1\n');
  });

  it('open a new challenge unless one is open', async () => {
    await start();
    const { hash, challenge, token, answer } = await farm();
    expect((await ask('POST', `/contracts/${hash}/challenge`)).json).toEqual({ challenge, opened: false });
    await answer();
    const { status, json } = await ask('POST', `/contracts/${hash}/challenge`);
    expect({ status, json }).toEqual({ status: 200, json: { challenge: expect.any(String), opened: true } });
    expect(json.challenge).not.toBe(challenge);
    expect((await get(`${API}/due/${token}`)).json.due_contracts).toEqual([{ hash, challenge: json.challenge }]);
    expect(await answer(json.challenge)).toEqual({ status: 'pass' });
    expect(loggedChanges().at(-1)).toEqual({ message: 'contract challenged', contract: hash, opened: true });
  });

  it.each([
    ['GET', ''],
    ['POST', '/expire'],
    ['POST', '/challenge'],
  ])('respond with 404 to %s %s with an unknown hash', async (method, rest) => {
    await start();
    await farm();
    expect(await ask(method, `/contracts/${ABSENT}${rest}`)).toMatchObject({
      status: 404,
      json: { status: 'error', message: `no running contract has the hash ${ABSENT}` },
    });
    expect(loggedChanges()).toEqual([]);
  });
});

describe('the clock operations', () => {
  const getNodeTime = async () => Date.parse((await ask('GET', '/clock')).json.now);

  it('freeze and advance the clock', async () => {
    await start();
    expect(await ask('PUT', '/clock', { body: { mode: 'frozen' } })).toMatchObject({
      status: 200,
      json: { mode: 'frozen', scale: 1, now: '1970-01-01T00:16:40.000Z' },
    });
    pass(5_000);
    expect(await getNodeTime()).toBe(1_000_000);
    expect(await ask('POST', '/clock/advance', { body: { ms: 1_500 } })).toMatchObject({
      status: 200,
      json: { now: '1970-01-01T00:16:41.500Z' },
    });
    await ask('PUT', '/clock', { body: { mode: 'real', scale: 60 } });
    pass(1_000);
    expect(await getNodeTime()).toBe(1_000_000 + 1_500 + 60_000);
    expect(loggedChanges()).toEqual([
      { message: 'clock set', mode: 'frozen', scale: 1, now: '1970-01-01T00:16:40.000Z' },
      { message: 'clock advanced', ms: 1_500, now: '1970-01-01T00:16:41.500Z' },
      { message: 'clock set', mode: 'real', scale: 60, now: '1970-01-01T00:16:41.500Z' },
    ]);
  });

  it('count a challenge as unanswered and open the next when the clock advances by an interval', async () => {
    await start();
    const { hash, challenge, answer } = await farm();
    await ask('PUT', '/clock', { body: { mode: 'frozen' } });
    await ask('POST', '/clock/advance', { body: { ms: INTERVAL_MS - 1 } });
    expect((await ask('GET', `/contracts/${hash}`)).json).toMatchObject({ unanswered: 0, challenge });
    await ask('POST', '/clock/advance', { body: { ms: 1 } });
    const { json } = await ask('GET', `/contracts/${hash}`);
    expect(json).toMatchObject({ unanswered: 1, consecutiveFailures: 1, round: 1, state: 'due' });
    expect(json.challenge).not.toBe(challenge);
    expect((await ask('GET', '/info')).json.challenges).toEqual({ passed: 0, wrong: 0, unanswered: 1 });
    expect(await answer()).toEqual({ status: 'fail' });
  });

  it('advance by a month of intervals', async () => {
    await start({ maxFailures: 1_000_000 });
    const { hash } = await farm();
    await ask('POST', '/clock/advance', { body: { ms: 30 * 86_400_000 } });
    expect((await ask('GET', `/contracts/${hash}`)).json).toMatchObject({ unanswered: 30 * 24 * 60 });
  });

  it('start the window of a fault', async () => {
    await start();
    await ask('PUT', '/clock', { body: { mode: 'frozen' } });
    await ask('POST', '/faults', { body: { name: 'later', window: { afterMs: 1_000 }, effect: 'reset' } });
    expect((await ask('GET', '/faults/later')).json).toMatchObject({ state: 'pending' });
    await ask('POST', '/clock/advance', { body: { ms: 1_000 } });
    expect((await ask('GET', '/faults/later')).json).toMatchObject({ state: 'active' });
  });

  it('reject times in the past and beyond the year 9999', async () => {
    await start();
    expect(await ask('POST', '/clock/advance', { body: { ms: -1 } })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/ms' }] },
    });
    pass(Date.UTC(9999, 11, 1));
    expect(await ask('POST', '/clock/advance', { body: { ms: 31 * 86_400_000 } })).toMatchObject({ status: 409 });
    expect(await ask('POST', '/clock/advance', { body: { ms: 86_400_000 } })).toMatchObject({ status: 200 });
    expect((await ask('GET', '/info')).json.clock.now).toMatch(/^9999-12-02T/);
  });

  it.each([{ mode: 'stopped' }, { scale: 2 }, { mode: 'real', scale: 0 }, { mode: 'real', now: 0 }])(
    'reject %j',
    async (body) => {
      await start();
      expect(await ask('PUT', '/clock', { body })).toMatchObject({ status: 400 });
    },
  );
});
