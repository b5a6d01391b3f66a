import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from '../support/control-api.ts';

const { start, ask, register, loggedChanges, pass, get } = setUpControlApi();

const BUSY = { name: 'busy', match: { route: 'new' }, effect: { kind: 'status', status: 503 } };

describe('the operations on a fault', () => {
  it('add a fault with defaults, which takes effect', async () => {
    await start();
    const added = await ask('POST', '/faults', { body: BUSY });
    expect(added).toMatchObject({ status: 201 });
    expect(added.json).toEqual({
      ...BUSY,
      enabled: true,
      skip: 0,
      probability: 1,
      addedAt: '1970-01-01T00:16:40.000Z',
      matched: 0,
      applied: 0,
      state: 'active',
    });
    expect(await register()).toMatchObject({ code: 503 });
    expect((await ask('GET', '/faults/busy')).json).toMatchObject({ matched: 1, applied: 1 });
  });

  it('accept the kind of an effect alone', async () => {
    await start();
    const { status, json } = await ask('POST', '/faults', { body: { name: 'a', effect: 'hang' } });
    expect({ status, effect: json.effect }).toEqual({ status: 201, effect: { kind: 'hang', forMs: 3_600_000 } });
  });

  it('reject a duplicate name', async () => {
    await start();
    await ask('POST', '/faults', { body: BUSY });
    expect(await ask('POST', '/faults', { body: BUSY })).toMatchObject({
      status: 409,
      json: { status: 'error', message: expect.stringContaining('busy') },
    });
  });

  it('reject more than 100 faults', async () => {
    await start();
    const hundred = Array.from({ length: 100 }, (_, n) => ({ name: `f${n}`, effect: 'reset' }));
    expect((await ask('PUT', '/faults', { body: hundred })).json).toHaveLength(100);
    expect(await ask('POST', '/faults', { body: BUSY })).toMatchObject({ status: 409 });
    expect(await ask('PUT', '/faults', { body: [...hundred, BUSY] })).toMatchObject({ status: 400 });
  });

  it('disable and enable a fault, which keeps its counts', async () => {
    await start();
    await ask('POST', '/faults', { body: BUSY });
    await register();
    expect((await ask('PATCH', '/faults/busy', { body: { enabled: false } })).json).toMatchObject({
      state: 'disabled',
      applied: 1,
    });
    expect(await register()).toMatchObject({ code: 200 });
    await ask('PATCH', '/faults/busy', { body: { enabled: true } });
    expect(await register()).toMatchObject({ code: 503 });
    expect((await ask('GET', '/faults/busy')).json).toMatchObject({ applied: 2 });
  });

  it('change single fields, and remove a limit with `null`', async () => {
    await start();
    await ask('POST', '/faults', { body: { ...BUSY, times: 1 } });
    await register();
    expect((await ask('GET', '/faults/busy')).json).toMatchObject({ state: 'finished', times: 1 });
    const { json } = await ask('PATCH', '/faults/busy', { body: { times: null } });
    expect(json).toMatchObject({ state: 'active', match: { route: 'new' } });
    expect(json).not.toHaveProperty('times');
    expect(await register()).toMatchObject({ code: 503 });
  });

  it('reject a change to a route where the effect can do nothing', async () => {
    await start();
    await ask('POST', '/faults', { body: BUSY });
    expect(await ask('PATCH', '/faults/busy', { body: { effect: 'no_chunks' } })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/match/route', message: expect.any(String) }] },
    });
    expect((await ask('GET', '/faults/busy')).json).toMatchObject({ effect: { kind: 'status' } });
  });

  it('restart one fault without the others', async () => {
    await start();
    const counted = { match: { route: 'new' }, effect: { kind: 'fixed', ms: 0 } };
    const body = [
      { ...BUSY, times: 1 },
      { name: 'other', ...counted },
    ];
    await ask('PUT', '/faults', { body });
    await register();
    expect(await register()).toMatchObject({ code: 200 });
    pass(5_000);
    expect((await ask('POST', '/faults/busy/restart')).json).toMatchObject({
      matched: 0,
      applied: 0,
      state: 'active',
      addedAt: '1970-01-01T00:16:45.000Z',
    });
    expect((await ask('GET', '/faults/other')).json).toMatchObject({ applied: 2 });
    expect(await register()).toMatchObject({ code: 503 });
  });

  it('remove a fault', async () => {
    await start();
    await ask('POST', '/faults', { body: BUSY });
    expect(await ask('DELETE', '/faults/busy')).toMatchObject({ status: 204, text: '' });
    expect(await ask('GET', '/faults/busy')).toMatchObject({ status: 404 });
    expect(await register()).toMatchObject({ code: 200 });
  });

  it('no longer list a fault after its time to live', async () => {
    await start();
    await ask('POST', '/faults', { body: { ...BUSY, ttlMs: 10_000 } });
    pass(10_000);
    expect((await ask('GET', '/faults')).json).toEqual([]);
  });

  it('count applications in the metrics of both ports', async () => {
    await start();
    await ask('POST', '/faults', { body: BUSY });
    await register();
    expect((await get('/metrics')).text).toContain('mock_node_faults_applied_total{name="busy"} 1\n');
  });
});

describe('the operations on all faults', () => {
  it('list the faults in order', async () => {
    await start();
    for (const name of ['b', 'a', 'c']) await ask('POST', '/faults', { body: { name, effect: 'reset' } });
    const { status, json } = await ask('GET', '/faults');
    expect({ status, names: json.map(({ name }: { name: string }) => name) }).toEqual({
      status: 200,
      names: ['b', 'a', 'c'],
    });
  });

  it('replace all faults or none', async () => {
    await start();
    await ask('POST', '/faults', { body: { name: 'old', effect: 'reset' } });
    const twice = await ask('PUT', '/faults', { body: [BUSY, BUSY] });
    expect(twice).toMatchObject({ status: 400, json: { errors: [{ pointer: '/1/name' }] } });
    expect((await ask('GET', '/faults')).json).toMatchObject([{ name: 'old' }]);
    expect((await ask('PUT', '/faults', { body: [BUSY] })).json).toMatchObject([{ name: 'busy' }]);
    expect((await ask('GET', '/faults')).json).toMatchObject([{ name: 'busy' }]);
  });

  it('remove all faults', async () => {
    await start();
    await ask('POST', '/faults', { body: BUSY });
    expect(await ask('DELETE', '/faults')).toMatchObject({ status: 204 });
    expect((await ask('GET', '/faults')).json).toEqual([]);
  });

  it.each([
    ['GET', ''],
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/restart'],
  ])('respond with 404 to %s %s with an unknown name', async (method, rest) => {
    await start();
    const body = method === 'PATCH' ? { body: { enabled: true } } : {};
    expect(await ask(method, `/faults/absent${rest}`, body)).toMatchObject({
      status: 404,
      json: { status: 'error', message: 'unknown fault: absent' },
    });
  });

  it('log each change', async () => {
    await start();
    await ask('POST', '/faults', { body: BUSY });
    await ask('PATCH', '/faults/busy', { body: { enabled: false, skip: 2 } });
    await ask('POST', '/faults/busy/restart');
    await ask('DELETE', '/faults/busy');
    await ask('PUT', '/faults', { body: [BUSY] });
    await ask('DELETE', '/faults');
    await ask('POST', '/faults', { body: { name: 'wrong' } });
    expect(loggedChanges()).toEqual([
      { message: 'fault added', fault: 'busy', effect: 'status' },
      { message: 'fault changed', fault: 'busy', fields: ['enabled', 'skip'] },
      { message: 'fault restarted', fault: 'busy' },
      { message: 'fault removed', fault: 'busy' },
      { message: 'faults replaced', faults: ['busy'] },
      { message: 'faults removed' },
    ]);
  });
});
