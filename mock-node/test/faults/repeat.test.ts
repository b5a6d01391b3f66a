import type { ControllerEvent, FaultInput } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import { PRESETS } from '../../src/faults/presets.ts';
import { type Outcome, parseJson, runSession } from '../support/farmer-session.ts';
import { ADDRESS, API, setUpMockNode, sha256 } from '../support/mock-node.ts';
import { ask } from '../support/raw-client.ts';

const { start, url, controller, pass, rewind } = setUpMockNode();

const FLAKY_AND_HOSTILE: readonly FaultInput[] = PRESETS.filter(({ name }) =>
  ['flaky', 'hostile'].includes(name),
).flatMap(({ faults }): readonly FaultInput[] => faults);

/** Effects of every group with high probabilities. */
const OFTEN: readonly FaultInput[] = [
  { name: 'empty', probability: 0.05, effect: 'empty' },
  { name: 'hang', probability: 0.02, effect: 'hang' },
  { name: 'limit', match: { route: 'due' }, effect: { kind: 'rate_limit', requests: 3, perMs: 60_000 } },
  { name: 'html', probability: 0.05, effect: 'html' },
  { name: 'half', probability: 0.1, effect: 'truncate' },
  { name: 'drop', probability: 0.1, effect: 'drop_response' },
  { name: 'late', probability: 0.2, effect: { kind: 'lognormal', medianMs: 2_000 } },
  { name: 'shrink', probability: 0.3, effect: 'shorten_interval' },
  { name: 'expire', match: { route: 'due' }, probability: 0.1, effect: 'expire_contract' },
  { name: 'none', probability: 0.1, effect: 'no_chunks' },
  { name: 'revoke', skip: 5, probability: 0.05, effect: 'revoke_token' },
  { name: 'forget', skip: 50, times: 1, probability: 0.1, effect: 'forget_all' },
];

async function send(path: string): Promise<Outcome> {
  const { status, error, headers, body } = await ask(url(), path);
  const { 'x-request-id': _, ...kept } = headers;
  return { seen: { status, error, headers: kept, body: sha256(body) }, json: parseJson(body.toString()) };
}

async function startWith(faults: readonly FaultInput[], seed: string) {
  rewind();
  await start({ seed, faults });
  const events: ControllerEvent[] = [];
  controller().events.subscribe((event) => {
    if (event.type !== 'request') events.push(event);
  });
  return events;
}

/** Runs clients one after the other. @returns everything that they and the node observed */
async function run(faults: readonly FaultInput[], seed: string) {
  const events = await startWith(faults, seed);
  const contracts: unknown[] = [];
  const seen = await runSession(send, {
    rounds: 10,
    after: (ms) => {
      contracts.push([...controller().ledger.listContracts(controller().clock.now())]);
      pass(ms);
    },
  });
  const journal = controller()
    .journal.find()
    .map(({ path, status, faults: applied }) => ({ path, status, applied }));
  const counts = controller()
    .faults.list(controller().clock.now())
    .map(({ name, matched, applied }) => ({ name, matched, applied }));
  return { seen, events, contracts, journal, counts };
}

/** Runs concurrent clients in some order. @returns for each fault the matching requests to which it applied */
async function crowd(faults: readonly FaultInput[], order: (n: number) => number) {
  await startWith(faults, 'a');
  const hits = new Map<string, number[]>(faults.map(({ name }) => [name, []]));
  controller().events.subscribe((event) => {
    if (event.type !== 'fault' || event.change !== 'applied') return;
    hits.get(event.name)?.push(controller().faults.get(event.name, 0).matched - 1);
  });
  const token = (await send(`${API}/new/${ADDRESS}`)).json?.token ?? 'unknown';
  const paths = [`${API}/due/${token}`, '/', `${API}/chunk/${token}`, `${API}/new/${ADDRESS}`];
  const clients = Array.from({ length: 12 }, async (_, n) => {
    for (let turn = 0; turn < order(n); turn++) await new Promise(setImmediate);
    for (let k = 0; k < 12; k++) await send(paths[(order(n) + k) % paths.length] ?? '/');
  });
  await Promise.all(clients);
  const matched = (name: string) => controller().faults.get(name, 0).matched;
  return new Map([...hits].map(([name, indices]) => [name, { indices, matched: matched(name) }]));
}

describe('two runs with the same seed and the same faults', () => {
  it.each([
    ['of the presets flaky and hostile', FLAKY_AND_HOSTILE],
    ['of every group', OFTEN],
  ])('with faults %s have the same contracts, challenges, responses and applied faults', async (_, faults) => {
    const first = await run(faults, 'a');
    expect(first.seen.length).toBeGreaterThan(60);
    expect(first.events.filter(({ type }) => type === 'fault').length).toBeGreaterThan(10);
    expect(first.events.filter(({ type }) => type === 'challenge').length).toBeGreaterThan(2);
    expect(await run(faults, 'a')).toEqual(first);
    const other = await run(faults, 'b');
    expect(other.contracts).not.toEqual(first.contracts);
    expect(other.counts).not.toEqual(first.counts);
  });

  it('apply each fault to the same of its matching requests in any order of concurrent clients', async () => {
    const faults = OFTEN.filter(({ name }) => name !== 'limit');
    const [first, second] = [await crowd(faults, (n) => n), await crowd(faults, (n) => 11 - n)];
    let compared = 0;
    for (const [name, { indices, matched }] of first) {
      const other = second.get(name);
      // In another order, other requests match, and more or fewer of them. The decision for each index stays the same.
      const most = Math.min(matched, other?.matched ?? 0);
      const below = (list: readonly number[] = []) => list.filter((index) => index < most);
      expect({ name, hits: below(other?.indices) }).toEqual({ name, hits: below(indices) });
      compared += below(indices).length;
    }
    expect(compared).toBeGreaterThan(20);
  });
});
