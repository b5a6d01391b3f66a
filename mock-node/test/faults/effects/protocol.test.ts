import { expect } from '@jest/globals';
import { ADDRESS, API, createChunk, INTERVAL_MS, setUpMockNode, sha256 } from '../../support/mock-node.ts';
import { ask } from '../../support/raw-client.ts';
import { testEffects } from './test-effects.ts';
import { createV1Tests } from './v1-protocol.ts';

const node = setUpMockNode();
const { start, url, get, fault, controller, pass, newToken, acceptContract } = node;

const due = async (token: string) => (await get(`${API}/due/${token}`)).json;
const remove = async (token: string, hash: string) => (await get(`${API}/remove/${token}/${hash}`)).json;
const answerPath = (token: string, hash: string, response: string) => `${API}/challenge/${token}/${hash}/${response}`;
const answer = async (token: string, hash: string, response: string) =>
  (await get(answerPath(token, hash, response))).json;
const NOTHING = { all_contracts: [], due_contracts: [] };

/** A farmer with `count` contracts, and the correct response to any of their challenges. */
async function createFarmer(count = 1) {
  const token = await newToken();
  const contracts: Awaited<ReturnType<typeof acceptContract>>[] = [];
  for (let n = 0; n < count; n++) contracts.push(await acceptContract(token));
  const hashes: string[] = contracts.map(({ file_hash: hash }) => hash);
  const right = (hash: string, challenge: string) =>
    sha256(createChunk(contracts[hashes.indexOf(hash)].secret), challenge);
  const [hash = '', other = ''] = hashes;
  return { token, contracts, hash, other, challenge: contracts[0]?.challenge, right };
}

testEffects('protocol', {
  ...createV1Tests(node),

  wrong_hash: {
    'issues the contract under a wrong hash and keeps it under this hash': async () => {
      await start();
      const token = await newToken();
      fault({ effect: 'wrong_hash' });
      const { secret, file_hash: hash, challenge } = await acceptContract(token);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
      expect(hash).not.toBe(sha256(createChunk(secret)));
      expect(await due(token)).toEqual({ all_contracts: [{ hash }], due_contracts: [{ hash, challenge }] });
      expect(await answer(token, hash, sha256(createChunk(secret), challenge))).toEqual({ status: 'pass' });
      expect(await remove(token, sha256(createChunk(secret)))).toEqual({ status: 'no_hash' });
      expect(await remove(token, hash)).toEqual({ status: 'ok' });
    },
    'serves a download whose bytes do not match the hash': async () => {
      await start({ contractForm: 'url' });
      const token = await newToken();
      fault({ effect: 'wrong_hash' });
      const { url: download, file_hash: hash } = await acceptContract(token);
      expect(download).toBe(`${url()}${API}/download/${hash}`);
      const response = await fetch(download);
      expect(response.status).toBe(200);
      expect(sha256(Buffer.from(await response.arrayBuffer()))).not.toBe(hash);
    },
  },

  wrong_challenge: {
    'sends another challenge with the contract than the node verifies': async () => {
      await start();
      fault({ match: { route: 'chunk' }, effect: 'wrong_challenge' });
      const { token, hash, challenge, right } = await createFarmer();
      const [{ challenge: real }] = (await due(token)).due_contracts;
      expect(challenge).toMatch(/^0\.\d{9}$/);
      expect(challenge).not.toBe(real);
      expect(await answer(token, hash, right(hash, challenge))).toEqual({ status: 'fail' });
    },
    'sends another challenge in the listing, for which a correct proof fails': async () => {
      await start();
      const { token, hash, challenge, right } = await createFarmer();
      fault({ times: 1, effect: 'wrong_challenge' });
      const [{ challenge: sent }] = (await due(token)).due_contracts;
      expect(sent).not.toBe(challenge);
      expect((await due(token)).due_contracts).toEqual([{ hash, challenge }]);
      expect(await answer(token, hash, right(hash, sent))).toEqual({ status: 'fail' });
    },
    'affects only the contract that the fault matches': async () => {
      await start();
      const { token, hash, other, contracts } = await createFarmer(2);
      fault({ match: { contract: other.slice(0, 6) }, effect: 'wrong_challenge' });
      const { due_contracts: listed } = await due(token);
      expect(listed[0]).toEqual({ hash, challenge: contracts[0].challenge });
      expect(listed[1].challenge).not.toBe(contracts[1].challenge);
    },
    'accepts a proof of the challenge that the node verifies': async () => {
      await start();
      const { token, hash, challenge, right } = await createFarmer();
      fault({ effect: 'wrong_challenge' });
      await due(token);
      expect(await answer(token, hash, right(hash, challenge))).toEqual({ status: 'pass' });
    },
  },

  reject_answer: {
    'settles a challenge as wrong despite a correct answer': async () => {
      await start();
      const { token, hash, challenge, right } = await createFarmer();
      fault({ times: 1, effect: 'reject_answer' });
      expect(await answer(token, hash, right(hash, challenge))).toEqual({ status: 'fail' });
      expect((await due(token)).due_contracts).toEqual([]);
      expect(await answer(token, hash, right(hash, challenge))).toEqual({ status: 'fail' });
      expect(controller().getInfo().challenges).toEqual({ passed: 0, wrong: 1, unanswered: 0 });
    },
    'counts towards the failures that end a contract': async () => {
      await start({ maxFailures: 2 });
      const { token, hash, challenge, right } = await createFarmer();
      fault({ effect: 'reject_answer' });
      await answer(token, hash, right(hash, challenge));
      pass(INTERVAL_MS);
      const [{ challenge: next }] = (await due(token)).due_contracts;
      await answer(token, hash, right(hash, next));
      expect(await due(token)).toEqual(NOTHING);
    },
    'does not change a challenge that was already answered': async () => {
      await start();
      const { token, hash, challenge, right } = await createFarmer();
      await answer(token, hash, right(hash, challenge));
      fault({ effect: 'reject_answer' });
      expect(await answer(token, hash, right(hash, challenge))).toEqual({ status: 'pass' });
    },
  },

  expire_contract: {
    'ends the contract of the request before the node processes the request': async () => {
      await start({ contractForm: 'url' });
      fault({ match: { route: ['challenge', 'remove', 'download'] }, effect: 'expire_contract' });
      const token = await newToken();
      const take = async () => (await acceptContract(token)).file_hash;
      expect(await answer(token, await take(), 'f'.repeat(64))).toEqual({ status: 'no_hash' });
      expect(await remove(token, await take())).toEqual({ status: 'no_hash' });
      expect((await get(`${API}/download/${await take()}`)).code).toBe(404);
      expect(await due(token)).toEqual(NOTHING);
    },
    'ends the oldest contract on the route due': async () => {
      await start();
      const { token, other } = await createFarmer(2);
      fault({ times: 1, effect: 'expire_contract' });
      expect((await due(token)).all_contracts).toEqual([{ hash: other }]);
      expect((await due(token)).all_contracts).toEqual([{ hash: other }]);
    },
    'ends the oldest running contract': async () => {
      await start({ maxFailures: 1 });
      const { token } = await createFarmer();
      pass(INTERVAL_MS / 2);
      const second = await acceptContract(token);
      const third = await acceptContract(token);
      expect(second.file_hash).not.toBe(third.file_hash);
      pass(INTERVAL_MS / 2);
      fault({ times: 1, effect: 'expire_contract' });
      expect((await due(token)).all_contracts).toEqual([{ hash: third.file_hash }]);
    },
    'ends only the contract that the fault matches': async () => {
      await start();
      const { token, hash, other } = await createFarmer(2);
      fault({ match: { contract: other }, effect: 'expire_contract' });
      expect(await answer(token, hash, 'f'.repeat(64))).toEqual({ status: 'fail' });
      expect((await due(token)).all_contracts).toEqual([{ hash }]);
      expect((await due(token)).all_contracts).toEqual([{ hash }]);
      expect(controller().faults.get('expire-contract', 0)).toMatchObject({ matched: 1, applied: 1 });
    },
  },

  no_chunks: {
    'responds with no_chunks and issues no contract': async () => {
      await start();
      const token = await newToken();
      fault({ times: 1, effect: 'no_chunks' });
      expect((await get(`${API}/chunk/${token}`)).text).toBe('{"status":"no_chunks"}');
      expect(await due(token)).toEqual(NOTHING);
      expect(await acceptContract(token)).toHaveProperty('file_hash');
    },
    'responds with no_token to an unknown token': async () => {
      await start();
      fault({ effect: 'no_chunks' });
      expect(await acceptContract('unknown')).toEqual({ status: 'no_token' });
    },
  },

  revoke_token: {
    'forgets only this farmer and its contracts before the node processes the request': async () => {
      await start();
      for (const ask of [
        async (token: string) => await acceptContract(token),
        due,
        async (token: string, hash: string) => await answer(token, hash, 'f'.repeat(64)),
        remove,
      ]) {
        controller().faults.removeAll();
        const one = await createFarmer();
        const another = await createFarmer();
        fault({ match: { token: one.token }, times: 1, effect: 'revoke_token' });
        expect((await due(another.token)).all_contracts).toHaveLength(1);
        expect(await ask(one.token, one.hash)).toEqual({ status: 'no_token' });
        expect(await due(one.token)).toEqual({ status: 'no_token' });
        expect((await due(another.token)).all_contracts).toHaveLength(1);
        expect(await newToken()).not.toBe(one.token);
      }
    },
  },

  forget_all: {
    'forgets all farmers and contracts before the node processes the request': async () => {
      await start();
      const [one, another] = [await createFarmer(2), await createFarmer()];
      fault({ times: 1, effect: 'forget_all' });
      expect(await due(one.token)).toEqual({ status: 'no_token' });
      expect(await due(another.token)).toEqual({ status: 'no_token' });
      expect(controller().getInfo()).toMatchObject({ farmers: 0, contracts: { due: 0, settled: 0 } });
      expect(controller().ledger.running).toBe(0);
    },
    'never issues a token, secret or hash twice': async () => {
      await start();
      fault({ match: { route: 'connectivity' }, effect: 'forget_all' });
      const seen: string[] = [];
      for (let n = 0; n < 4; n++) {
        const { token, contracts } = await createFarmer(2);
        seen.push(token, ...contracts.flatMap(({ secret, file_hash: hash, challenge }) => [secret, hash, challenge]));
        await get('/');
      }
      expect(new Set(seen).size).toBe(28);
    },
    'works on any route': async () => {
      await start();
      const { hash } = await createFarmer();
      fault({ effect: 'forget_all' });
      expect((await get(`${API}/download/${hash}`)).code).toBe(404);
    },
  },

  shorten_interval: {
    'opens challenges faster than the contract states': async () => {
      await start();
      fault({ effect: { kind: 'shorten_interval', factor: 0.25 } });
      const { token, hash, challenge, contracts } = await createFarmer();
      expect(contracts[0].interval).toBe(INTERVAL_MS / 1000);
      pass(INTERVAL_MS / 4 - 1);
      expect((await due(token)).due_contracts).toEqual([{ hash, challenge }]);
      pass(1);
      expect((await due(token)).due_contracts[0].challenge).not.toBe(challenge);
    },
    'states the new interval in the contract if it is announced': async () => {
      await start();
      fault({ effect: { kind: 'shorten_interval', factor: 0.1, announced: true } });
      const { token, challenge, contracts } = await createFarmer();
      expect(contracts[0].interval).toBe(6);
      pass(6_000);
      expect((await due(token)).due_contracts[0].challenge).not.toBe(challenge);
    },
    'does not affect earlier and later contracts': async () => {
      await start();
      const { token, hash, challenge } = await createFarmer();
      fault({ times: 1, effect: 'shorten_interval' });
      await acceptContract(token);
      const last = await acceptContract(token);
      pass(INTERVAL_MS - 1);
      const { due_contracts: listed } = await due(token);
      expect(listed[0]).toEqual({ hash, challenge });
      expect(listed[2]).toEqual({ hash: last.file_hash, challenge: last.challenge });
    },
  },

  duplicate_challenge: {
    'lists every contract and every challenge of the round twice, including answered ones': async () => {
      await start();
      const { token, hash, other, contracts, right } = await createFarmer(2);
      const [first, second] = contracts.map(({ file_hash, challenge }) => ({ hash: file_hash, challenge }));
      await answer(token, hash, right(hash, contracts[0].challenge));
      fault({ times: 1, effect: 'duplicate_challenge' });
      const listed = await due(token);
      const twice = (list: unknown[]) => [...list, ...list].map((each) => JSON.stringify(each)).sort();
      const sorted = (list: unknown[]) => list.map((each) => JSON.stringify(each)).sort();
      expect(sorted(listed.all_contracts)).toEqual(twice([{ hash }, { hash: other }]));
      expect(sorted(listed.due_contracts)).toEqual(twice([first, second]));
      expect(await due(token)).toEqual({ all_contracts: [{ hash }, { hash: other }], due_contracts: [second] });
    },
    'has the same verdict for each duplicate': async () => {
      await start();
      const { token, hash, challenge, right } = await createFarmer();
      fault({ effect: 'duplicate_challenge' });
      for (const { challenge: sent } of (await due(token)).due_contracts) {
        expect(sent).toBe(challenge);
        expect(await answer(token, hash, right(hash, sent))).toEqual({ status: 'pass' });
      }
      expect(controller().getInfo().challenges.passed).toBe(1);
    },
    'affects only the contract that the fault matches': async () => {
      await start();
      const { token, hash, other, contracts } = await createFarmer(2);
      fault({ match: { contract: hash }, effect: 'duplicate_challenge' });
      const [first, second] = contracts.map(({ file_hash, challenge }) => ({ hash: file_hash, challenge }));
      expect(await due(token)).toEqual({
        all_contracts: [{ hash }, { hash: other }, { hash }],
        due_contracts: [first, second, first],
      });
    },
  },

  extra_entries: {
    'adds entries without a valid hash to both lists': async () => {
      await start();
      const { token, hash, challenge } = await createFarmer();
      fault({ effect: { kind: 'extra_entries', count: 7 } });
      const { all_contracts: all, due_contracts: listed } = await due(token);
      expect(all.slice(7)).toEqual([{ hash }]);
      expect(listed.slice(7)).toEqual([{ hash, challenge }]);
      for (const entry of [...all.slice(0, 7), ...listed.slice(0, 7)])
        expect(String(entry?.hash)).not.toMatch(/^[0-9a-f]{64}$/);
    },
    'adds contracts that the farmer does not have': async () => {
      await start();
      const { token, hash } = await createFarmer();
      fault({ effect: { kind: 'extra_entries', entries: 'unknown', count: 100 } });
      const { all_contracts: all, due_contracts: listed } = await due(token);
      expect(new Set(all.map((entry: { hash: string }) => entry.hash)).size).toBe(101);
      expect(all[100]).toEqual({ hash });
      expect(listed).toHaveLength(1);
    },
  },

  clock_skew: {
    'shifts the Date header': async () => {
      await start();
      const date = async (path = '/') => Date.parse((await ask(url(), path)).headers.date ?? '');
      expect(await date()).toBe(1_000_000);
      fault({ effect: { kind: 'clock_skew', ms: -3_600_000 } });
      expect(await date()).toBe(1_000_000 - 3_600_000);
      expect(await date(`${API}/new/${ADDRESS}`)).toBe(1_000_000 - 3_600_000);
      fault({ name: 'more', effect: { kind: 'clock_skew', ms: 86_400_000 } });
      expect(await date()).toBe(1_000_000 - 3_600_000 + 86_400_000);
    },
    'does not shift deadlines': async () => {
      await start();
      const { token, hash, challenge } = await createFarmer();
      fault({ effect: { kind: 'clock_skew', ms: 10 * INTERVAL_MS } });
      expect((await due(token)).due_contracts).toEqual([{ hash, challenge }]);
    },
    'is not applied if another fault replaces the response': async () => {
      await start();
      fault({ name: 'gone', effect: 'status' });
      fault({ effect: { kind: 'clock_skew', ms: 60_000 } });
      const { status, headers } = await ask(url(), '/');
      expect({ status, date: headers.date }).toEqual({ status: 503, date: new Date(1_000_000).toUTCString() });
    },
  },
});
