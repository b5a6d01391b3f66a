import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHILD_ENV } from '../../../test/support/child-env.ts';
import { ADDRESS, API, createChunk, GENESIS_SHA256, setUpMockNode, sha256 } from '../support/mock-node.ts';

const { path } = setUpMockNode();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A node in a separate process with the state file of the test. */
async function startLife() {
  const child = spawn(
    process.execPath,
    ['--conditions=downstream-source', fileURLToPath(new URL('../../src/main.ts', import.meta.url))],
    {
      env: {
        ...CHILD_ENV,
        MOCK_PORT: '0',
        MOCK_CONTROL_PORT: 'off',
        MOCK_INTERVAL: '3600',
        MOCK_LOG_LEVEL: 'warn',
        MOCK_STATE: path('state.db'),
        MOCK_GENESIS: path('genesis'),
        MOCK_GENESIS_SHA256: GENESIS_SHA256,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  children.push(child);
  const ended = once(child, 'exit');
  const [said] = await Promise.race([once(child.stdout, 'data'), ended]);
  const url = `http://127.0.0.1:${/api=:(\d+)/.exec(String(said))?.[1]}${API}`;
  return {
    get: async (asked: string) => JSON.parse(await (await fetch(`${url}/${asked}`)).text()),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

interface Confirmed {
  readonly token: string;
  readonly hash: string;
  readonly secret: string;
  readonly challenge: string;
  /** The verdict, if the response arrived. */
  verdict?: 'pass' | 'fail';
  isRemoved?: boolean;
}

const right = ({ secret, challenge }: Confirmed) => sha256(createChunk(secret), challenge);

/** Four farmers send requests until enough responses have arrived. Then the node is killed. */
async function live({ get, kill }: Awaited<ReturnType<typeof startLife>>, responses: number) {
  const tokens: string[] = [];
  const contracts: Confirmed[] = [];
  let left = responses;
  let killed: Promise<void> | undefined;
  const ask = async (asked: string) => {
    const response = await get(asked);
    left -= 1;
    if (left === 0) killed = kill();
    return response;
  };
  const farm = async () => {
    const { token } = await ask(`new/${ADDRESS}`);
    tokens.push(token);
    for (let n = 0; ; n++) {
      const { secret, file_hash: hash, challenge } = await ask(`chunk/${token}`);
      const contract: Confirmed = { token, hash, secret, challenge };
      contracts.push(contract);
      const response = n % 2 === 0 ? right(contract) : '0'.repeat(64);
      contract.verdict = (await ask(`challenge/${token}/${hash}/${response}`)).status;
      if (n % 3 === 0) contract.isRemoved = (await ask(`remove/${token}/${hash}`)).status === 'ok';
    }
  };
  await Promise.allSettled([farm(), farm(), farm(), farm()]);
  await killed;
  return { tokens, contracts };
}

describe('a killed node', () => {
  it('has lost nothing that a response had confirmed', async () => {
    const confirmed = { tokens: [] as string[], contracts: [] as Confirmed[] };
    for (const responses of fc.sample(fc.integer({ min: 5, max: 40 }), { numRuns: 4, seed: 4 })) {
      const { tokens, contracts } = await live(await startLife(), responses);
      confirmed.tokens.push(...tokens);
      confirmed.contracts.push(...contracts);
      const after = await startLife();
      for (const contract of confirmed.contracts) {
        const { token, hash, verdict, isRemoved } = contract;
        const listed: { hash: string }[] = (await after.get(`due/${token}`)).all_contracts;
        // A request without a response may have been processed.
        if (isRemoved === undefined && verdict === undefined) expect(listed).toContainEqual({ hash });
        if (isRemoved) expect(listed).not.toContainEqual({ hash });
        if (!listed.some((each) => each.hash === hash)) continue;
        const again = (await after.get(`challenge/${token}/${hash}/${right(contract)}`)).status;
        if (verdict !== undefined) expect(again).toBe(verdict);
        contract.verdict = again;
      }
      await after.kill();
    }
    expect(confirmed.contracts.length).toBeGreaterThan(10);
    const secrets = confirmed.contracts.map(({ secret }) => secret);
    for (const given of [confirmed.tokens, secrets]) expect(new Set(given).size).toBe(given.length);
  }, 120_000);
});
