import type { EffectInput } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import { ADDRESS, INTERVAL_MS, setUpMockNode } from '../support/mock-node.ts';
import { createV1Farmer, V1, V1_OPTIONS } from '../support/v1-farmer.ts';

const { start, get, fault, controller, pass, log, url } = setUpMockNode();

const getCode = async (path: string, init: RequestInit = {}) => (await fetch(url() + path, init)).status;
const postCode = async (path: string, body: unknown) =>
  await getCode(path, { method: 'POST', body: JSON.stringify(body) });

describe('A fault of the v1 API', () => {
  it.each(['merkle', 'swizzle'] as const)('sends other challenges than the node verifies (%s)', async (scheme) => {
    await start({ ...V1_OPTIONS, scheme });
    const farmer = await createV1Farmer(get, 2);
    const [first, second] = farmer.ids;
    fault({ match: { contract: String(first) }, effect: 'wrong_challenge' });
    const sent = await farmer.challenges(first, second);
    expect(sent[0].challenge).not.toEqual(farmer.chunks[0].challenge);
    expect(sent[1].challenge).toEqual(farmer.chunks[1].challenge);
    expect(await farmer.answer(...sent)).toEqual([
      { file_hash: first, error: 'Invalid proof' },
      { file_hash: second, status: 'ok' },
    ]);
  });

  it('sends other challenges with new contracts', async () => {
    await start(V1_OPTIONS);
    fault({ match: { route: 'v1_chunk' }, effect: 'wrong_challenge' });
    const farmer = await createV1Farmer(get);
    expect(await farmer.answer(farmer.chunks[0])).toEqual([{ file_hash: 1, error: 'Invalid proof' }]);
    expect(await farmer.answer(...(await farmer.list()))).toEqual([{ file_hash: 1, status: 'ok' }]);
  });

  it('judges correct answers as wrong, and keeps the result of answered challenges', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get, 2);
    await farmer.answer(farmer.chunks[0]);
    fault({ effect: 'reject_answer' });
    expect(await farmer.answer(...farmer.chunks)).toEqual([
      { file_hash: 1, error: 'Challenge already answered.' },
      { file_hash: 2, error: 'Invalid proof' },
    ]);
  });

  it('ends the oldest contract, or the one that it names', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get, 3);
    fault({ match: { route: 'v1_challenge' }, times: 1, effect: 'expire_contract' });
    expect((await farmer.challenges(1, 2, 3)).map(({ error }) => error)).toEqual([
      'contract expired',
      undefined,
      undefined,
    ]);
    fault({ name: 'third', match: { contract: '3' }, times: 1, effect: 'expire_contract' });
    expect((await farmer.answer(...farmer.chunks)).map(({ error }) => error)).toEqual([
      'Answer failed: contract expired.',
      undefined,
      'Answer failed: contract expired.',
    ]);
  });

  it('issues no chunks', async () => {
    await start(V1_OPTIONS);
    fault({ effect: 'no_chunks' });
    expect((await createV1Farmer(get)).chunks).toEqual([]);
  });

  it('forgets the farmer', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get);
    fault({ match: { route: 'v1_heartbeat' }, effect: 'revoke_token' });
    expect(await get(`${V1}/heartbeat/${farmer.token}`)).toMatchObject({
      code: 404,
      json: { message: 'Nonexistent token.' },
    });
    expect(await farmer.post('challenge', { hashes: [1] })).toMatchObject({ code: 400 });
  });

  it.each([
    [true, 30],
    [false, 60],
  ])('shortens the interval (announced: %s)', async (announced, dueSeconds) => {
    await start({ ...V1_OPTIONS, intervalMs: INTERVAL_MS });
    fault({ effect: { kind: 'shorten_interval', factor: 0.5, announced } });
    const farmer = await createV1Farmer(get);
    expect(farmer.chunks[0].due).toBe(dueSeconds);
    pass(INTERVAL_MS / 2);
    expect(await farmer.challenges(1)).toEqual([{ file_hash: 1, error: 'contract expired' }]);
  });

  it('lists challenges twice', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get, 2);
    fault({ match: { contract: '2' }, effect: 'duplicate_challenge' });
    expect((await farmer.list()).map(({ file_hash: id }) => id)).toEqual([1, 2, 2]);
  });

  it('adds unknown and invalid entries to a listing', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get);
    fault({ times: 1, effect: { kind: 'extra_entries', entries: 'unknown', count: 2 } });
    expect(await farmer.list()).toMatchObject([
      { error: 'contract not found' },
      { error: 'contract not found' },
      { file_hash: 1, answered: false },
    ]);
    fault({ name: 'invalid', effect: { kind: 'extra_entries', count: 3 } });
    expect(await farmer.list()).toMatchObject([null, 0, 'id', { file_hash: 1 }]);
  });

  it('replaces each value with a list', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get);
    fault({ match: { route: 'v1_challenge' }, effect: { kind: 'amplify', bytes: 100 } });
    const [first] = await farmer.list();
    expect(first).toBe(0);
  });

  it('delays, damages and replaces responses like those of the prototype API', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get);
    fault({ match: { route: ['v1_challenge', 'v1_answer'] }, times: 1, effect: { kind: 'status', status: 503 } });
    expect(await farmer.post('answer', { proofs: [] })).toMatchObject({ code: 503 });
    fault({ match: { route: 'v1_challenge' }, times: 1, effect: 'malformed_json' });
    await expect(farmer.list()).rejects.toThrow();
    expect(
      controller()
        .faults.list(controller().clock.now())
        .map(({ applied }) => applied),
    ).toEqual([1, 1]);
  });

  it('loses the response to an answer, which then is already answered', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get);
    fault({ match: { route: 'v1_answer' }, times: 1, effect: 'drop_response' });
    await expect(farmer.answer(farmer.chunks[0])).rejects.toThrow();
    expect(await farmer.answer(farmer.chunks[0])).toEqual([{ file_hash: 1, error: 'Challenge already answered.' }]);
    expect(controller().getInfo().challenges).toEqual({ passed: 1, wrong: 0, unanswered: 0 });
  });

  it.each(['merkle', 'swizzle'] as const)('can be combined with all others (%s)', async (scheme) => {
    await start({ ...V1_OPTIONS, scheme });
    const honest = await createV1Farmer(get, 2);
    const proofs = honest.chunks.map(({ file_hash: id, challenge }: typeof honest.chunks) =>
      honest.prove(id, challenge),
    );
    const shapes = ['wrong_order', 'missing_nodes', 'huge_count', 'inconsistent', 'wrong_type'] as const;
    const effects: readonly EffectInput[] = [
      ...shapes.map((shape) => ({ kind: 'malformed_tag', shape }) as const),
      ...(['text', 'path', 'null', 'object'] as const).map((id) => ({ kind: 'wrong_id', id }) as const),
      ...(['nan', 'list', 'negative'] as const).map((due) => ({ kind: 'wrong_due', due }) as const),
      ...(['expired', 'answered'] as const).map((report) => ({ kind: 'false_report', report }) as const),
      ...(['wrong_tag', 'exceed_size', 'empty_challenge', 'unknown_scheme', 'wrong_prime'] as const),
      ...(['wrong_challenge', 'duplicate_challenge', 'extra_entries', 'shorten_interval'] as const),
      { kind: 'large_tag', bytes: 1_000 },
    ];
    for (const [n, effect] of effects.entries()) fault({ name: `fault-${n}`, probability: 0.3, effect });
    const codes = new Set<number>();
    for (let round = 0; round < 40; round++) {
      for (const path of [`new/${ADDRESS}`, `heartbeat/${honest.token}`, `chunk/${honest.token}/4000`])
        codes.add(await getCode(`${V1}/${path}`));
      codes.add(await postCode(`${V1}/challenge/${honest.token}`, { hashes: [1, 2, 3] }));
      codes.add(await postCode(`${V1}/answer/${honest.token}`, { proofs }));
    }
    expect(log().filter(({ level }) => level === 'error')).toEqual([]);
    expect([...codes]).toEqual([200]);
  });
});
