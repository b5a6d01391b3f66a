import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ADDRESS, API, createChunk, GENESIS_SHA256, setUpMockNode, sha256 } from '../support/mock-node.ts';

const { path } = setUpMockNode();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A node in a process of its own, on the state file of the test. */
async function aLife() {
  const child = spawn(
    process.execPath,
    ['--conditions=source', fileURLToPath(new URL('../../src/main.ts', import.meta.url))],
    {
      env: {
        PATH: process.env['PATH'],
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

interface Told {
  readonly token: string;
  readonly hash: string;
  readonly secret: string;
  readonly challenge: string;
  /** Of the answer that was given, if its reply came. */
  verdict?: 'pass' | 'fail';
  isRemoved?: boolean;
}

const right = ({ secret, challenge }: Told) => sha256(createChunk(secret), challenge);

/** Four farmers ask for one thing after the other, until so many replies have come; then the node is killed at once. */
async function live({ get, kill }: Awaited<ReturnType<typeof aLife>>, replies: number) {
  const tokens: string[] = [];
  const contracts: Told[] = [];
  let left = replies;
  let killed: Promise<void> | undefined;
  const ask = async (asked: string) => {
    const reply = await get(asked);
    left -= 1;
    if (left === 0) killed = kill();
    return reply;
  };
  const farm = async () => {
    const { token } = await ask(`new/${ADDRESS}`);
    tokens.push(token);
    for (let n = 0; ; n++) {
      const { secret, file_hash: hash, challenge } = await ask(`chunk/${token}`);
      const contract: Told = { token, hash, secret, challenge };
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

describe('a node that is killed', () => {
  it('has lost nothing that it had told anybody, whenever that is', async () => {
    const told = { tokens: [] as string[], contracts: [] as Told[] };
    for (const replies of fc.sample(fc.integer({ min: 5, max: 40 }), { numRuns: 4, seed: 4 })) {
      const { tokens, contracts } = await live(await aLife(), replies);
      told.tokens.push(...tokens);
      told.contracts.push(...contracts);
      const after = await aLife();
      for (const contract of told.contracts) {
        const { token, hash, verdict, isRemoved } = contract;
        const listed: { hash: string }[] = (await after.get(`due/${token}`)).all_contracts;
        // What was asked for without a reply may have happened, or not.
        if (isRemoved === undefined && verdict === undefined) expect(listed).toContainEqual({ hash });
        if (isRemoved) expect(listed).not.toContainEqual({ hash });
        if (!listed.some((each) => each.hash === hash)) continue;
        const again = (await after.get(`challenge/${token}/${hash}/${right(contract)}`)).status;
        if (verdict !== undefined) expect(again).toBe(verdict);
        contract.verdict = again;
      }
      await after.kill();
    }
    expect(told.contracts.length).toBeGreaterThan(10);
    const secrets = told.contracts.map(({ secret }) => secret);
    for (const given of [told.tokens, secrets]) expect(new Set(given).size).toBe(given.length);
  }, 120_000);
});
