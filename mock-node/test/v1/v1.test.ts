import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { ADDRESS, API, INTERVAL_MS, setUpMockNode } from '../support/mock-node.ts';
import { createV1Farmer, V1, V1_OPTIONS } from '../support/v1-farmer.ts';

const { start, get, getRaw, controller, pass, path, url } = setUpMockNode();

describe('A node of the v1 API', () => {
  it('issues chunks by size, the largest that fit first, and at most ten per request', async () => {
    await start({ ...V1_OPTIONS, chunkSizesBytes: [1_000, 5_000], preparedChunks: 4 });
    const { token } = (await get(`${V1}/new/${ADDRESS}`)).json;
    const sizes = async (size: string) =>
      (await get(`${V1}/chunk/${token}${size}`)).json.chunks.map((chunk: { size: number }) => chunk.size);
    expect(await sizes('/999')).toEqual([]);
    expect(await sizes('/12500')).toEqual([5_000, 5_000, 1_000, 1_000]);
    expect(await sizes('')).toEqual(Array(10).fill(5_000));
  });

  it('starts the contracts of a request together, however long their chunks take', async () => {
    await start({ ...V1_OPTIONS, preparedChunks: 1 });
    controller().events.subscribe(({ type }) => {
      if (type === 'contract') setImmediate(() => pass(1_000));
    });
    await createV1Farmer(get, 5);
    const contracts = [...controller().ledger.listContracts(0)];
    expect(contracts.map(({ acceptedAt }) => acceptedAt)).toEqual(Array(5).fill(1_000_000));
  });

  it('issues no more contracts than it may, over both APIs', async () => {
    await start({ ...V1_OPTIONS, maxContracts: 2 });
    const prototypeToken = (await get(`${API}/new/${ADDRESS}`)).json.token;
    await get(`${API}/chunk/${prototypeToken}`);
    expect((await createV1Farmer(get, 5)).chunks).toHaveLength(1);
    expect((await get(`${API}/chunk/${prototypeToken}`)).json).toEqual({ status: 'no_chunks' });
  });

  it('keeps contracts of the two APIs apart', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get);
    expect((await get(`${API}/due/${farmer.token}`)).json).toEqual({ all_contracts: [], due_contracts: [] });
    const contract = (await get(`${API}/chunk/${farmer.token}`)).json;
    expect((await farmer.list()).map(({ file_hash: id }) => id)).toEqual([1]);
    expect((await get(`${API}/due/${farmer.token}`)).json.all_contracts).toEqual([{ hash: contract.file_hash }]);
  });

  it('accepts a compressed body, and one that the header wrongly calls compressed', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get, 2);
    const body = JSON.stringify({ hashes: [1, 2] });
    const ask = async (sent: NonNullable<RequestInit['body']>, encoding: string) =>
      (
        await get(`${V1}/challenge/${farmer.token}`, {
          method: 'POST',
          headers: { 'Content-Encoding': encoding },
          body: sent,
        })
      ).json.challenges.length;
    expect(await ask(body, 'gzip')).toBe(2);
    expect(await ask(new Uint8Array(gzipSync(body)), 'gzip')).toBe(2);
    expect(await ask(new Uint8Array(gzipSync(body)), 'identity')).toBe(2);
    expect(await ask(new Uint8Array(gzipSync(body).subarray(0, 12)), 'gzip')).toBe(0);
  });

  it('rejects a body that is too large, also when only its text is', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get);
    const big = Buffer.alloc(5 * 1024 * 1024, ' ');
    for (const body of [big, gzipSync(big)]) {
      const response = await fetch(`${url()}${V1}/answer/${farmer.token}`, {
        method: 'POST',
        body: new Uint8Array(body),
      });
      expect(response.status).toBe(413);
    }
  });

  it('answers a batch, in which each contract has its own result', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get, 3);
    const [one, two, three] = farmer.chunks;
    await farmer.answer(one);
    const wrong = { ...three, challenge: two.challenge };
    expect(await farmer.answer(one, two, wrong)).toEqual([
      { file_hash: 1, error: 'Challenge already answered.' },
      { file_hash: 2, status: 'ok' },
      { file_hash: 3, error: 'Invalid proof' },
    ]);
    expect(controller().getInfo().challenges).toEqual({ passed: 2, wrong: 0, unanswered: 0 });
  });

  it('calls a proof corrupted even if it could no longer count', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get, 2);
    await farmer.answer(farmer.chunks[0]);
    controller().ledger.expire('2', controller().clock.now());
    const answer = async (proof: unknown) =>
      (await farmer.post('answer', { proofs: [1, 2, 3].map((id) => ({ file_hash: id, proof })) })).json.report;
    expect(await answer({ leaf: 7 })).toEqual([
      { file_hash: 1, error: 'Proof corrupted' },
      { file_hash: 2, error: 'Proof corrupted' },
      { file_hash: 3, error: 'contract not found' },
    ]);
    expect(await answer(farmer.prove(1, farmer.chunks[0].challenge).proof)).toEqual([
      { file_hash: 1, error: 'Challenge already answered.' },
      { file_hash: 2, error: 'Answer failed: contract expired.' },
      { file_hash: 3, error: 'contract not found' },
    ]);
  });

  it('publishes and counts rejected proofs', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get, 2);
    const events: unknown[] = [];
    controller().events.subscribe((event) => event.type === 'proof' && events.push(event));
    const [one, two] = farmer.chunks;
    await farmer.answer(one, { ...two, challenge: one.challenge });
    await farmer.answer(one);
    await farmer.post('answer', { proofs: [{ file_hash: 2, proof: null }, { file_hash: '9' }] });
    const rejected = { type: 'proof', change: 'rejected' };
    expect(events).toEqual([
      { ...rejected, reason: 'invalid', hash: '2' },
      { ...rejected, reason: 'answered', hash: '1' },
      { ...rejected, reason: 'corrupted', hash: '2' },
      { ...rejected, reason: 'not_found', hash: '9' },
    ]);
    const { text } = await get('/metrics');
    for (const [reason, count] of Object.entries({ invalid: 1, answered: 1, corrupted: 1, not_found: 1, expired: 0 }))
      expect(text).toContain(`mock_node_proofs_rejected_total{reason="${reason}"} ${count}\n`);
  });

  it('states deadlines in real time, whatever the rate of its clock', async () => {
    await start({ ...V1_OPTIONS, timeScale: 60, intervalMs: 3_600_000 });
    expect((await createV1Farmer(get)).chunks[0].due).toBe(60);
  });

  it('limits the farmers of an IP address, and lets them return', async () => {
    await start({ ...V1_OPTIONS, tokensPerClient: 1 });
    const { token } = (await get(`${V1}/new/${ADDRESS}`)).json;
    expect(await get(`${V1}/new/${ADDRESS}`)).toMatchObject({
      code: 400,
      json: { message: 'IP Disallowed, only 1 tokens are permitted per IP address' },
    });
    expect((await get(`${V1}/chunk/${token}/2000`)).json.chunks).toHaveLength(1);
  });

  it('shows the contract in the control API, and challenges or expires it', async () => {
    await start({ ...V1_OPTIONS, controlPort: 0 });
    const farmer = await createV1Farmer(get);
    const { ledger, clock } = controller();
    expect(ledger.findContract('1', clock.now())).toMatchObject({
      hash: '1',
      proofKind: 'heartbeat',
      sizeBytes: 2_000,
      state: 'due',
      round: 0,
    });
    await farmer.answer(farmer.chunks[0]);
    expect(ledger.challengeNow('1', clock.now())).toMatchObject({ opened: true });
    expect((await farmer.challenges(1))[0]).toMatchObject({ answered: false, challenge: { index: 1 } });
    ledger.expire('1', clock.now());
    expect(await farmer.challenges(1)).toEqual([{ file_hash: 1, error: 'contract expired' }]);
  });

  it('records requests without tokens and signatures', async () => {
    await start(V1_OPTIONS);
    const farmer = await createV1Farmer(get);
    const signature = 'S'.repeat(88);
    await get(`${V1}/new/${ADDRESS}`, { method: 'POST', body: JSON.stringify({ message: 'm', signature }) });
    await get(`${V1}/status/list/by/d/uptime/1`);
    const entries = controller().journal.find();
    expect(entries.map(({ route }) => route)).toEqual(['v1_new', 'v1_chunk', 'v1_new', 'v1_status_list']);
    expect(entries[1]?.path).toBe(`${V1}/chunk/${farmer.token.slice(0, 6)}…/2000`);
    expect(entries[3]?.path).toBe(`${V1}/status/list/by/d/uptime/1`);
    for (const secret of [farmer.token, signature]) expect(JSON.stringify(entries)).not.toContain(secret);
  });

  it('continues after a restart with its state file', async () => {
    const options = { ...V1_OPTIONS, statePath: path('state.db') };
    await start(options);
    const farmer = await createV1Farmer(get, 2);
    await farmer.answer(farmer.chunks[0]);
    await start(options);
    expect((await get(`${V1}/heartbeat/${farmer.token}`)).json).toEqual({ token: farmer.token, ...farmer.heartbeat });
    expect(await farmer.answer(...farmer.chunks)).toEqual([
      { file_hash: 1, error: 'Challenge already answered.' },
      { file_hash: 2, status: 'ok' },
    ]);
    pass(INTERVAL_MS);
    expect(await farmer.answer(...(await farmer.challenges(1, 2)))).toEqual([
      { file_hash: 1, status: 'ok' },
      { file_hash: 2, status: 'ok' },
    ]);
    const { token } = (await get(`${V1}/new/${ADDRESS}`)).json;
    const [next] = (await get(`${V1}/chunk/${token}/2000`)).json.chunks;
    expect(next.file_hash).toBe(3);
    expect(farmer.chunks.map(({ seed }: { seed: string }) => seed)).not.toContain(next.seed);
  });

  it('still knows which contracts have expired after a restart', async () => {
    const options = { ...V1_OPTIONS, statePath: path('state.db') };
    await start(options);
    const farmer = await createV1Farmer(get, 3);
    await farmer.answer(...farmer.chunks.slice(1));
    pass(INTERVAL_MS);
    expect(await farmer.answer(farmer.chunks[0])).toEqual([
      { file_hash: 1, error: 'Answer failed: contract expired.' },
    ]);
    controller().ledger.expire('3', controller().clock.now());
    await start(options);
    expect(await farmer.challenges(1, 3, 4)).toEqual([
      { file_hash: 1, error: 'contract expired' },
      { file_hash: 3, error: 'contract expired' },
      { file_hash: 4, error: 'contract not found' },
    ]);
    expect(await farmer.list()).toMatchObject([
      { file_hash: 1, error: 'contract expired' },
      { file_hash: 2, answered: false },
      { file_hash: 3, error: 'contract expired' },
    ]);
  });

  it('refuses a state file of another scheme', async () => {
    const options = { ...V1_OPTIONS, statePath: path('state.db') };
    await start(options);
    await createV1Farmer(get);
    await expect(start({ ...options, scheme: 'swizzle' })).rejects.toMatchObject({ code: 'other_scheme' });
  });

  it('issues other chunks and another heartbeat after the contracts were reset', async () => {
    await start({ ...V1_OPTIONS, seed: undefined });
    const before = await createV1Farmer(get);
    controller().reset(['contracts']);
    const after = await createV1Farmer(get);
    expect(after.ids).toEqual([1]);
    expect(after.chunks[0].seed).not.toBe(before.chunks[0].seed);
    expect(await after.answer(after.chunks[0])).toEqual([{ file_hash: 1, status: 'ok' }]);
  });

  it('repeats a run with the same seed', async () => {
    const run = async () => {
      await start({ ...V1_OPTIONS, seed: '7' });
      const { token, chunks } = await createV1Farmer(get, 2);
      return { token, chunks };
    };
    expect(await run()).toEqual(await run());
  });
});

describe('The status of farmers', () => {
  const list = async (selection: string) => (await get(`${V1}/status/list${selection}`)).json.farmers;

  it('is sorted, limited and paged', async () => {
    await start(V1_OPTIONS);
    for (const count of [1, 3, 2]) await createV1Farmer(get, count);
    const counts = async (selection: string) =>
      (await list(selection)).map((farmer: { contracts: number }) => farmer.contracts);
    expect(await counts('/by/contracts')).toEqual([1, 2, 3]);
    expect(await counts('/by/d/contracts')).toEqual([3, 2, 1]);
    expect(await counts('/by/d/size/2')).toEqual([3, 2]);
    expect(await counts('/by/d/size/2/1')).toEqual([1]);
    expect(await counts('/by/contracts/2/5')).toEqual([]);
    const ids = (await list('')).map((farmer: { id: string }) => farmer.id);
    expect(ids).toEqual([...ids].sort());
    expect(await list('/2/1')).toEqual((await list('')).slice(2));
  });

  it('lists only farmers with contracts on request', async () => {
    await start(V1_OPTIONS);
    await createV1Farmer(get);
    await get(`${V1}/new/${ADDRESS}`);
    expect(await list('/')).toHaveLength(2);
    expect(await list('/online')).toMatchObject([{ online: 1, contracts: 1, size: 2_000, uptime: 0 }]);
    expect(await list('/online/by/d/uptime/1')).toHaveLength(1);
  });

  it.each(['/nope', '/by', '/by/id/x', '/1/2/3', '/by/d/id/1/2/3'])('does not exist under %s', async (selection) => {
    await start();
    expect((await getRaw(`${V1}/status/list${selection}`)).code).toBe(404);
  });
});
