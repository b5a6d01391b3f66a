import { copyFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { API, createChunk, INTERVAL_MS, setUpMockNode, sha256 } from './support/mock-node.ts';

const { start, close, get, pass, controller, path, newToken, acceptContract, rewind } = setUpMockNode();

const STATE = 'state.db';
const startWithoutSeed = async (options: Parameters<typeof start>[0] = {}) =>
  await start({ seed: undefined, ...options });
const challengesOf = async (token: string) => (await get(`${API}/due/${token}`)).json.due_contracts;

/** What the node issues to a farmer with two contracts, in two rounds. */
async function issue(): Promise<string[]> {
  const token = await newToken();
  const contracts = [await acceptContract(token), await acceptContract(token)];
  pass(INTERVAL_MS);
  return [
    token,
    ...contracts.flatMap(({ secret, file_hash, challenge }) => [secret, file_hash, challenge]),
    ...(await challengesOf(token)).map(({ challenge }: { challenge: string }) => challenge),
  ];
}

async function expectNothingTwice(loseState: () => Promise<void>): Promise<void> {
  const issued = [await issue()];
  for (let n = 0; n < 2; n++) {
    await loseState();
    issued.push(await issue());
  }
  const all = issued.flat();
  expect(all).toHaveLength(3 * 9);
  expect(new Set(all).size).toBe(all.length);
}

describe('A node without a seed', () => {
  it('issues nothing a second time after a restart without a state file', async () => {
    await startWithoutSeed();
    await expectNothingTwice(startWithoutSeed);
  });

  it('issues nothing a second time after its state file was deleted', async () => {
    const restart = async () => {
      await close();
      rmSync(path(STATE));
      await startWithoutSeed({ statePath: path(STATE) });
    };
    await startWithoutSeed({ statePath: path(STATE) });
    await expectNothingTwice(restart);
  });

  it('issues nothing a second time after an older state file was restored', async () => {
    await startWithoutSeed({ statePath: path(STATE) });
    await newToken();
    await close();
    copyFileSync(path(STATE), path('backup.db'));
    const restore = async () => {
      await close().catch(() => {});
      copyFileSync(path('backup.db'), path(STATE));
      await startWithoutSeed({ statePath: path(STATE) });
    };
    await restore();
    await expectNothingTwice(restore);
  });

  it('issues nothing a second time after a reset', async () => {
    await startWithoutSeed();
    await expectNothingTwice(async () => controller().reset());
  });

  it('keeps contracts and their challenges across restarts with a state file', async () => {
    await startWithoutSeed({ statePath: path(STATE) });
    const token = await newToken();
    const { secret, file_hash: hash, challenge } = await acceptContract(token);
    const seed = controller().seed;
    await startWithoutSeed({ statePath: path(STATE) });
    expect(controller().seed).not.toBe(seed);
    expect(await challengesOf(token)).toEqual([{ hash, challenge }]);
    const response = sha256(createChunk(secret), challenge);
    expect((await get(`${API}/challenge/${token}/${hash}/${response}`)).json).toEqual({ status: 'pass' });
  });

  it('reports the seed that repeats its run since the start or the last reset', async () => {
    await startWithoutSeed();
    const fromStart = [controller().seed, await issue()] as const;
    controller().reset();
    const fromReset = [controller().seed, await issue()] as const;
    for (const [seed, issued] of [fromStart, fromReset]) {
      rewind();
      await start({ seed });
      expect(await issue()).toEqual(issued);
      expect(controller().getInfo().seed).toBe(seed);
    }
  });
});

describe('A state file', () => {
  it('keeps the seed of its creation for starts without one', async () => {
    await start({ seed: 'a', statePath: path(STATE) });
    const token = await newToken();
    await startWithoutSeed({ statePath: path(STATE) });
    expect(controller().seed).toBe('a');
    controller().reset();
    expect(await newToken()).toBe(token);
  });

  it('of a node without a seed is rejected with one', async () => {
    await startWithoutSeed({ statePath: path(STATE) });
    await expect(start({ seed: '7', statePath: path(STATE) })).rejects.toMatchObject({
      code: 'other_seed',
      message: expect.stringMatching(
        /belongs to a node without a seed, not "7": unset MOCK_SEED, or choose another file/,
      ),
    });
  });
});
