import { describe, expect, it } from '@jest/globals';
import { API, createChunk, INTERVAL_MS, setUpMockNode, sha256 } from '../support/mock-node.ts';

const { start, close, get, log, pass, controller, path, newToken, acceptContract } = setUpMockNode();

const due = async (token: string) => (await get(`${API}/due/${token}`)).json;
const answer = async (token: string, hash: string, response: string) =>
  (await get(`${API}/challenge/${token}/${hash}/${response}`)).json.status;
/** Starts a node with the state file of the test, or restarts it. */
const startOn = async (options: Parameters<typeof start>[0] = {}) =>
  await start({ statePath: path('state.db'), ...options });

/** A farmer with one contract, and the correct response to any of its challenges. */
async function createFarmer() {
  const token = await newToken();
  const { secret, file_hash: hash, challenge } = await acceptContract(token);
  return { token, secret, hash, challenge, right: (asked: string) => sha256(createChunk(secret), asked) };
}

describe('a restarted node', () => {
  it('knows its farmers and lists their contracts in order of acceptance', async () => {
    await startOn();
    const [one, two] = [await newToken(), await newToken()];
    const hashes: string[] = [];
    for (const token of [one, two, one]) hashes.push((await acceptContract(token)).file_hash);
    const before = [await due(one), await due(two)];
    await startOn();
    expect([await due(one), await due(two)]).toEqual(before);
    expect(before[0].all_contracts).toEqual([{ hash: hashes[0] }, { hash: hashes[2] }]);
    expect(controller().ledger.running).toBe(3);
    expect(await due('unknown')).toEqual({ status: 'no_token' });
  });

  it('restores each contract unchanged', async () => {
    await startOn();
    const { token, hash, challenge, right } = await createFarmer();
    await answer(token, hash, right(challenge));
    pass(3 * INTERVAL_MS);
    await answer(token, hash, 'wrong');
    const facts = () => controller().ledger.findContract(hash, controller().clock.now());
    const before = facts();
    expect(before).toMatchObject({ round: 3, consecutiveFailures: 3, results: { passed: 1, wrong: 1, unanswered: 2 } });
    await startOn();
    expect(facts()).toEqual(before);
  });

  it('has the challenge of the current round, whether it started before or after the restart', async () => {
    await startOn();
    const { token, hash, challenge } = await createFarmer();
    await startOn();
    expect((await due(token)).due_contracts).toEqual([{ hash, challenge }]);
    await close();
    pass(INTERVAL_MS);
    await startOn();
    const [{ challenge: second }] = (await due(token)).due_contracts;
    expect(second).not.toBe(challenge);
    await start();
    const { token: fresh } = await createFarmer();
    pass(INTERVAL_MS);
    expect((await due(fresh)).due_contracts[0].challenge).toBe(second);
  });

  it('passes correct answers and fails wrong ones', async () => {
    await startOn();
    const [one, two] = [await createFarmer(), await createFarmer()];
    await startOn();
    expect(await answer(one.token, one.hash, one.right(one.challenge))).toBe('pass');
    expect(await answer(two.token, two.hash, one.right(two.challenge))).toBe('fail');
    expect(await answer(two.token, two.hash, two.right(two.challenge))).toBe('fail');
    pass(INTERVAL_MS);
    const [{ challenge }] = (await due(two.token)).due_contracts;
    expect(await answer(two.token, two.hash, two.right(challenge))).toBe('pass');
  });

  it('repeats an earlier verdict without generating the chunk', async () => {
    await startOn();
    const [one, two] = [await createFarmer(), await createFarmer()];
    expect(await answer(one.token, one.hash, one.right(one.challenge))).toBe('pass');
    expect(await answer(two.token, two.hash, 'wrong')).toBe('fail');
    await startOn();
    expect(
      controller().ledger.digests.getUnverifiedSecret(one.token, one.hash, controller().clock.now()),
    ).toBeUndefined();
    expect(await answer(one.token, one.hash, one.right(one.challenge))).toBe('pass');
    expect(await answer(one.token, one.hash, 'wrong')).toBe('fail');
    expect(await answer(two.token, two.hash, two.right(two.challenge))).toBe('fail');
    expect((await due(one.token)).due_contracts).toEqual([]);
  });

  it('verifies concurrent answers about one contract', async () => {
    await startOn();
    const { token, hash, challenge, right } = await createFarmer();
    await startOn();
    const verdicts = await Promise.all(Array.from({ length: 10 }, () => answer(token, hash, right(challenge))));
    expect(verdicts).toEqual(Array.from({ length: 10 }, () => 'pass'));
    expect(controller().getInfo().challenges).toEqual({ passed: 1, wrong: 0, unanswered: 0 });
  });

  it('continues the sequence of tokens and secrets', async () => {
    const drawn = async (restart: () => Promise<void>) => {
      const given: string[] = [];
      for (let n = 0; n < 4; n++) {
        const { token, secret } = await createFarmer();
        given.push(token, secret);
        await restart();
      }
      return given;
    };
    await start();
    const inOneRun = await drawn(async () => {});
    await startOn();
    expect(await drawn(startOn)).toEqual(inOneRun);
    expect(new Set(inOneRun).size).toBe(8);
  });

  it('counts its contracts towards the maximum', async () => {
    await startOn({ maxContracts: 1 });
    const { token } = await createFarmer();
    await startOn({ maxContracts: 1 });
    expect(await acceptContract(token)).toEqual({ status: 'no_chunks' });
  });

  it.each([
    ['removed by its farmer', async ({ token, hash }) => await get(`${API}/remove/${token}/${hash}`)],
    ['expired', async ({ hash }) => controller().ledger.expire(hash, controller().clock.now())],
    ['failed too often', async () => pass(10 * INTERVAL_MS)],
    ['forgotten with its farmer', async ({ token }) => controller().ledger.revoke(token)],
    ['forgotten with everything', async () => controller().ledger.forget()],
  ] satisfies [string, (farmer: { token: string; hash: string }) => Promise<unknown>][])(
    'has no contract that was %s',
    async (_, end) => {
      await startOn();
      const farmer = await createFarmer();
      await end(farmer);
      const before = await due(farmer.token);
      await startOn();
      expect(await due(farmer.token)).toEqual(before);
      expect(controller().ledger.running).toBe(0);
      const next = await createFarmer();
      expect(next.token).not.toBe(farmer.token);
      expect(next.secret).not.toBe(farmer.secret);
    },
  );

  it('has no state after a reset, and restarts the random sequences', async () => {
    await startOn();
    const { token, secret } = await createFarmer();
    await createFarmer();
    controller().reset();
    await startOn();
    expect(controller().ledger.farmers).toBe(0);
    expect(await createFarmer()).toMatchObject({ token, secret });
  });

  it('keeps a challenge that was opened through the control API', async () => {
    await startOn();
    const { token, hash, challenge, right } = await createFarmer();
    await answer(token, hash, right(challenge));
    pass(10_000);
    const opened = controller().ledger.challengeNow(hash, controller().clock.now());
    await startOn();
    expect((await due(token)).due_contracts).toEqual([{ hash, challenge: opened?.challenge }]);
    pass(INTERVAL_MS - 1);
    expect((await due(token)).due_contracts).toEqual([{ hash, challenge: opened?.challenge }]);
  });

  it('logs how much state it loaded', async () => {
    await startOn();
    await createFarmer();
    await startOn();
    expect(log().filter(({ message }) => message === 'state loaded')).toMatchObject([
      { fields: { farmers: 0, contracts: 0 } },
      { fields: { farmers: 1, contracts: 1 } },
    ]);
  });
});

describe('the clock of a restarted node', () => {
  const now = () => controller().clock.now();

  it('is the real time if it was before', async () => {
    await startOn();
    const before = now();
    await close();
    pass(5_000);
    await startOn();
    expect(now()).toBe(before + 5_000);
  });

  it('keeps the time by which it was advanced', async () => {
    await startOn();
    controller().advanceClock(1_000_000);
    const before = now();
    await startOn();
    expect(now()).toBe(before);
    pass(7);
    expect(now()).toBe(before + 7);
  });

  it('stays frozen at the same time and continues from there', async () => {
    await startOn();
    controller().setClock({ mode: 'frozen' });
    const before = now();
    await close();
    pass(5_000);
    await startOn();
    expect(controller().getClockView()).toMatchObject({ mode: 'frozen', now: new Date(before).toISOString() });
    controller().setClock({ mode: 'real' });
    pass(3);
    expect(now()).toBe(before + 3);
  });

  it('continues at its scale for the time in which no node was running', async () => {
    await startOn();
    controller().setClock({ mode: 'real', scale: 60 });
    const before = now();
    await close();
    pass(1_000);
    await startOn();
    expect(now()).toBe(before + 60_000);
    pass(1_000);
    expect(now()).toBe(before + 120_000);
  });

  it('uses the scale of the new start if it differs from that of the last start', async () => {
    await startOn({ timeScale: 2 });
    controller().setClock({ mode: 'real', scale: 60 });
    await startOn({ timeScale: 3 });
    expect(controller().clock.rate).toEqual({ mode: 'real', scale: 3 });
  });

  it('does not go back if the real time does', async () => {
    await startOn();
    pass(10_000);
    const before = now();
    await close();
    pass(-60_000);
    await startOn();
    expect(now()).toBe(before);
    pass(5);
    expect(now()).toBe(before + 5);
  });
});
