import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from '../support/control-api.ts';

const { start, ask, farm, register, loggedChanges, url } = setUpControlApi();

describe('getInfo', () => {
  it('returns the overall state', async () => {
    await start({ seed: 'mine' });
    await (await farm()).answer();
    const { status, json } = await ask('GET', '/info');
    expect(status).toBe(200);
    expect(json).toEqual({
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      commit: 'unknown',
      seed: 'mine',
      startedAt: '1970-01-01T00:16:40.000Z',
      apiPort: Number(new URL(url()).port),
      scenario: null,
      farmers: 1,
      contracts: { due: 0, settled: 1 },
      challenges: { passed: 1, wrong: 0, unanswered: 0 },
      requests: { kept: 3, dropped: 0 },
      clock: { mode: 'real', scale: 1, now: '1970-01-01T00:16:40.000Z' },
    });
  });
});

describe('updateConfig', () => {
  it('changes single settings for new contracts', async () => {
    await start({ intervalMs: 60_000, maxContracts: 1 });
    const { hash } = await farm();
    const changed = { intervalMs: 5_000, maxContracts: 2, maxFailures: 10, contractForm: 'secret' };
    expect(await ask('PATCH', '/config', { body: { intervalMs: 5_000, maxContracts: 2 } })).toMatchObject({
      status: 200,
      json: changed,
    });
    expect((await ask('GET', '/config')).json).toEqual(changed);
    const later = await farm();
    expect((await ask('GET', `/contracts/${hash}`)).json).toMatchObject({ intervalMs: 60_000 });
    expect((await ask('GET', `/contracts/${later.hash}`)).json).toMatchObject({ intervalMs: 5_000 });
    expect(loggedChanges()).toEqual([{ message: 'settings changed', intervalMs: 5_000, maxContracts: 2 }]);
  });

  it('changes nothing if one setting is invalid', async () => {
    await start();
    const before = (await ask('GET', '/config')).json;
    expect(await ask('PATCH', '/config', { body: { intervalMs: 5_000, maxFailures: 0 } })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/maxFailures' }] },
    });
    expect((await ask('GET', '/config')).json).toEqual(before);
  });
});

describe('the scenario operations', () => {
  it('list the presets', async () => {
    await start();
    const { json } = await ask('GET', '/scenarios');
    expect(json.map(({ name }: { name: string }) => name)).toEqual([
      'flaky',
      'slow',
      'offline',
      'forgetful',
      'tight-deadlines',
      'hostile',
      'hostile-v1',
      'lost-answers',
    ]);
    expect((await ask('GET', '/scenarios/offline')).json).toMatchObject({ faults: [{ effect: { kind: 'refuse' } }] });
  });

  it('define a scenario and apply its settings and faults', async () => {
    await start();
    await ask('POST', '/faults', { body: { name: 'old', effect: 'reset' } });
    const busy = { name: 'busy', match: { route: 'new' }, effect: { kind: 'status', status: 503 } };
    const body = { description: 'A busy hour.', config: { intervalMs: 1_000 }, faults: [busy] };
    expect(await ask('PUT', '/scenarios/rush-hour', { body })).toMatchObject({
      status: 200,
      json: { name: 'rush-hour', ...body },
    });
    expect((await ask('GET', '/faults')).json).toMatchObject([{ name: 'old' }]);
    expect(await ask('POST', '/scenarios/rush-hour/apply')).toMatchObject({ status: 200, json: { name: 'rush-hour' } });
    expect((await ask('GET', '/faults')).json).toMatchObject([{ name: 'busy' }]);
    expect((await ask('GET', '/config')).json).toMatchObject({ intervalMs: 1_000 });
    expect((await ask('GET', '/info')).json).toMatchObject({ scenario: 'rush-hour' });
    expect(await register()).toMatchObject({ code: 503 });
    expect(loggedChanges().slice(1)).toEqual([
      { message: 'scenario defined', scenario: 'rush-hour' },
      { message: 'scenario applied', scenario: 'rush-hour', faults: 1 },
    ]);
  });

  it('accept a scenario as it was returned', async () => {
    await start();
    await ask('PUT', '/scenarios/mine', { body: { faults: [{ name: 'a', effect: 'reset' }] } });
    const { json } = await ask('GET', '/scenarios/mine');
    expect((await ask('PUT', '/scenarios/mine', { body: json })).json).toEqual(json);
  });

  it('reject a name that differs from the path', async () => {
    await start();
    expect(await ask('PUT', '/scenarios/mine', { body: { name: 'yours' } })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/name' }] },
    });
  });

  it('report the place of nested errors', async () => {
    await start();
    const faults = [
      { name: 'a', effect: 'reset' },
      { name: 'b', effect: { kind: 'hang', forSeconds: 1 } },
    ];
    expect(await ask('PUT', '/scenarios/mine', { body: { faults } })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/faults/1/effect/forSeconds', message: 'unknown field' }] },
    });
  });

  it('reject a change of a preset', async () => {
    await start();
    expect(await ask('PUT', '/scenarios/flaky', { body: {} })).toMatchObject({ status: 409 });
  });

  it.each([
    ['GET', ''],
    ['POST', '/apply'],
  ])('respond with 404 to %s %s with an unknown name', async (method, rest) => {
    await start();
    expect(await ask(method, `/scenarios/absent${rest}`)).toMatchObject({ status: 404 });
  });
});

describe('the reset operation', () => {
  const changed = async () => {
    await start({ preset: 'slow', seed: 'a' });
    await ask('PUT', '/faults', { body: [] });
    await ask('PATCH', '/config', { body: { intervalMs: 1_000 } });
    await farm();
    await ask('POST', '/clock/advance', { body: { ms: 5_000 } });
    await ask('PUT', '/clock', { body: { mode: 'frozen' } });
  };
  const state = async () => {
    const { contracts, farmers, requests, clock } = (await ask('GET', '/info')).json;
    const { intervalMs } = (await ask('GET', '/config')).json;
    const faults = (await ask('GET', '/faults')).json.map(({ name }: { name: string }) => name);
    return {
      contracts: contracts.due,
      farmers,
      requests: requests.kept,
      mode: clock.mode,
      now: clock.now,
      intervalMs,
      faults,
    };
  };
  const CHANGED = {
    contracts: 1,
    farmers: 1,
    requests: 2,
    mode: 'frozen',
    now: '1970-01-01T00:16:45.000Z',
    intervalMs: 1_000,
    faults: [],
  };
  const NONE = { contracts: 0, farmers: 0 };
  const AS_AT_START = { faults: ['slow-delay', 'slow-dribble'] };

  it.each([
    ['contracts', NONE],
    ['faults', AS_AT_START],
    ['requests', { requests: 0 }],
    ['clock', { mode: 'real' }],
    ['config', { intervalMs: 60_000 }],
  ])('resets the %s only', async (part, expected) => {
    await changed();
    expect(await state()).toEqual(CHANGED);
    expect(await ask('POST', '/reset', { body: { parts: [part] } })).toMatchObject({ status: 204 });
    expect(await state()).toEqual({ ...CHANGED, ...expected });
    expect(loggedChanges().at(-1)).toEqual({ message: 'node reset', parts: [part] });
  });

  it.each([undefined, {}])('resets everything without parts: %j', async (body) => {
    await changed();
    await ask('POST', '/reset', body && { body });
    expect(await state()).toEqual({
      ...NONE,
      ...AS_AT_START,
      requests: 0,
      mode: 'real',
      now: '1970-01-01T00:16:40.000Z',
      intervalMs: 60_000,
    });
  });

  it('makes the node issue its first tokens and secrets again', async () => {
    await start();
    const first = await farm();
    await ask('POST', '/reset');
    const again = await farm();
    expect([again.token, again.hash, again.challenge]).toEqual([first.token, first.hash, first.challenge]);
  });

  it.each([{ parts: [] }, { parts: ['everything'] }, { part: ['faults'] }])('rejects %j', async (body) => {
    await start();
    expect(await ask('POST', '/reset', { body })).toMatchObject({ status: 400 });
  });
});
