import { renameSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ADDRESS, API, createChunk, GENESIS_BYTES, INTERVAL_MS, setUpMockNode, sha256 } from './support/mock-node.ts';

const { start, url, get, pass, newToken, acceptContract, path: filePath } = setUpMockNode();

const answer = async (token: string, hash: string, response: string) =>
  (await get(`${API}/challenge/${token}/${hash}/${response}`)).json;
const due = async (token: string) => (await get(`${API}/due/${token}`)).json;

/** A farmer with one contract, and the correct response to any of its challenges. */
async function createFarmer() {
  const token = await newToken();
  const { secret, file_hash: hash, challenge } = await acceptContract(token);
  const right = (asked: string) => sha256(createChunk(secret), asked);
  return { token, hash, challenge, right };
}

describe('the contract routes', () => {
  it('issue, list, verify and remove a contract', async () => {
    await start();
    expect(await get('/')).toMatchObject({ code: 200, json: { msg: 'ok' } });
    const token = await newToken();
    expect(token).toMatch(/^[0-9a-f]{32}$/);
    const contract = await acceptContract(token);
    expect(Object.keys(contract).sort()).toEqual(['challenge', 'file_hash', 'interval', 'secret']);
    expect(contract.interval).toBe(60);
    const chunk = createChunk(contract.secret);
    const { file_hash: hash, challenge } = contract;
    expect(sha256(chunk)).toBe(hash);
    expect(await due(token)).toEqual({ all_contracts: [{ hash }], due_contracts: [{ hash, challenge }] });
    expect(await answer(token, hash, sha256(chunk, challenge))).toEqual({ status: 'pass' });
    expect(await due(token)).toEqual({ all_contracts: [{ hash }], due_contracts: [] });
    expect((await get(`${API}/remove/${token}/${hash}`, { method: 'DELETE' })).json).toEqual({ status: 'ok' });
    expect((await get(`${API}/remove/${token}/${hash}`)).json).toEqual({ status: 'no_hash' });
    expect(await due(token)).toEqual({ all_contracts: [], due_contracts: [] });
  });

  it('remove a contract with GET and with DELETE', async () => {
    await start();
    const { token, hash } = await createFarmer();
    expect((await get(`${API}/remove/${token}/${hash}`)).json).toEqual({ status: 'ok' });
  });

  it('open a new challenge each interval, for which the previous response is wrong', async () => {
    await start();
    const { token, hash, challenge, right } = await createFarmer();
    pass(INTERVAL_MS);
    const next = (await due(token)).due_contracts[0].challenge;
    expect(next).not.toBe(challenge);
    expect(await answer(token, hash, right(next))).toEqual({ status: 'pass' });
    pass(INTERVAL_MS);
    expect(await answer(token, hash, right(next))).toEqual({ status: 'fail' });
  });

  it('repeat the verdict of a repeated answer, and fail any other answer', async () => {
    await start();
    const { token, hash, challenge, right } = await createFarmer();
    expect(await answer(token, hash, right(challenge))).toEqual({ status: 'pass' });
    expect(await answer(token, hash, right(challenge))).toEqual({ status: 'pass' });
    expect(await answer(token, hash, '0'.repeat(64))).toEqual({ status: 'fail' });
    expect(await answer(token, hash, right(challenge))).toEqual({ status: 'pass' });
  });

  it.each([
    ['another hash', '0'.repeat(64)],
    ['a word', 'pass'],
    ['a NUL', '%00'],
    ['a path', '..%2f..%2fetc%2fpasswd'],
    ['a flood', 'f'.repeat(10_000)],
  ])('fail a response that is %s', async (_, response) => {
    await start();
    const { token, hash } = await createFarmer();
    expect(await answer(token, hash, response)).toEqual({ status: 'fail' });
  });

  it('no longer know a contract that ended after too many failures', async () => {
    await start({ maxFailures: 2, contractForm: 'url' });
    const token = await newToken();
    const { file_hash: hash, url: download } = await acceptContract(token);
    pass(2 * INTERVAL_MS - 1);
    expect((await due(token)).all_contracts).toEqual([{ hash }]);
    expect((await fetch(download, { method: 'HEAD' })).status).toBe(200);
    pass(1);
    expect((await fetch(download)).status).toBe(404);
    expect(await answer(token, hash, '0'.repeat(64))).toEqual({ status: 'no_hash' });
    expect((await get(`${API}/remove/${token}/${hash}`)).json).toEqual({ status: 'no_hash' });
    expect(await due(token)).toEqual({ all_contracts: [], due_contracts: [] });
  });

  it('do not let a farmer answer, remove or list the contracts of another farmer', async () => {
    await start();
    const { token, hash, challenge, right } = await createFarmer();
    const other = await newToken();
    expect(await answer(other, hash, right(challenge))).toEqual({ status: 'no_hash' });
    expect((await get(`${API}/remove/${other}/${hash}`, { method: 'DELETE' })).json).toEqual({ status: 'no_hash' });
    expect(await due(other)).toEqual({ all_contracts: [], due_contracts: [] });
    expect((await due(token)).due_contracts).toEqual([{ hash, challenge }]);
  });

  it('serve the chunk of a contract with a URL under its hash', async () => {
    await start({ contractForm: 'url' });
    const contract = await acceptContract(await newToken());
    expect(Object.keys(contract).sort()).toEqual(['challenge', 'file_hash', 'interval', 'url']);
    expect(contract.url).toBe(`${url()}${API}/download/${contract.file_hash}`);
    const bytes = Buffer.from(await (await fetch(contract.url)).arrayBuffer());
    expect(bytes).toHaveLength(GENESIS_BYTES);
    expect(sha256(bytes)).toBe(contract.file_hash);
  });

  it('issue no contract beyond the maximum until one is removed', async () => {
    await start({ maxContracts: 1 });
    const { token, hash } = await createFarmer();
    expect(await acceptContract(token)).toEqual({ status: 'no_chunks' });
    await get(`${API}/remove/${token}/${hash}`);
    expect(await acceptContract(token)).toHaveProperty('file_hash');
  });

  it('issue contracts again after those of an absent farmer have failed', async () => {
    await start({ maxContracts: 1, maxFailures: 2 });
    await createFarmer();
    const token = await newToken();
    pass(2 * INTERVAL_MS - 1);
    expect(await acceptContract(token)).toEqual({ status: 'no_chunks' });
    pass(1);
    expect(await acceptContract(token)).toHaveProperty('file_hash');
  });

  it('issue contracts again after the genesis file could not be read', async () => {
    await start({ maxContracts: 1 });
    const token = await newToken();
    renameSync(filePath('genesis'), filePath('elsewhere'));
    expect(await get(`${API}/chunk/${token}`)).toMatchObject({
      code: 500,
      json: { status: 'error', message: 'internal error' },
    });
    renameSync(filePath('elsewhere'), filePath('genesis'));
    expect(await acceptContract(token)).toHaveProperty('file_hash');
  });

  it('state the interval in seconds, including fractions', async () => {
    await start({ intervalMs: 1_500 });
    expect(await acceptContract(await newToken())).toMatchObject({ interval: 1.5 });
  });

  it.each([
    'chunk/unknown',
    'due/unknown',
    `challenge/unknown/${'a'.repeat(64)}/x`,
    `remove/unknown/${'a'.repeat(64)}`,
  ])('reject an unknown token: %s', async (path) => {
    await start();
    expect(await get(`${API}/${path}`)).toMatchObject({ code: 200, json: { status: 'no_token' } });
  });

  it.each(['__proto__', 'constructor', '%00', 'x'.repeat(10_000)])('reject the invalid token %s', async (token) => {
    await start();
    expect(await due(token)).toEqual({ status: 'no_token' });
  });

  it.each(['unknown', '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jW', '3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy', 'x'.repeat(5_000)])(
    'reject the invalid address %s',
    async (address) => {
      await start();
      expect(await get(`${API}/new/${address}`)).toMatchObject({
        code: 400,
        json: { status: 'error', message: expect.any(String) },
      });
    },
  );

  it('issue another token each time an address registers', async () => {
    await start();
    expect(await newToken()).not.toBe(await newToken());
    expect((await get(`${API}/new/${ADDRESS}`)).code).toBe(200);
  });

  it('issue the same tokens, secrets, hashes and challenges again with the same seed', async () => {
    const run = async (seed: string) => {
      await start({ seed });
      const token = await newToken();
      const seen: unknown[] = [token];
      for (let n = 0; n < 3; n++) seen.push(await acceptContract(token));
      pass(INTERVAL_MS);
      seen.push(await due(token));
      return seen;
    };
    const first = await run('a');
    expect(await run('a')).toEqual(first);
    expect(await run('b')).not.toEqual(first);
  });

  it('issue different contracts to concurrent requests', async () => {
    await start();
    const token = await newToken();
    const contracts = await Promise.all(Array.from({ length: 20 }, () => acceptContract(token)));
    expect(new Set(contracts.map(({ file_hash }) => file_hash)).size).toBe(20);
    for (const { secret, file_hash } of contracts) expect(sha256(createChunk(secret))).toBe(file_hash);
  });

  it('never exceed the maximum with concurrent requests', async () => {
    await start({ maxContracts: 3 });
    const token = await newToken();
    const responses = await Promise.all(Array.from({ length: 10 }, () => acceptContract(token)));
    expect(responses.filter(({ status }) => status === 'no_chunks')).toHaveLength(7);
    expect((await due(token)).all_contracts).toHaveLength(3);
  });
});
