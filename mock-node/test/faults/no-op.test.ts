import { EFFECTS, type EffectKind, effect as effectSchema, getEffectRoutes } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import { parseJson, runSession } from '../support/farmer-session.ts';
import { setUpMockNode } from '../support/mock-node.ts';
import { talk } from '../support/raw-client.ts';
import { createV1Farmer, V1, V1_OPTIONS } from '../support/v1-farmer.ts';

const { start, url, get, controller, fault, pass, rewind } = setUpMockNode();

/** Required parameters. */
const NEEDED: Partial<Record<EffectKind, object>> = {
  fixed: { ms: 60_000 },
  uniform: { maxMs: 60_000 },
  lognormal: { medianMs: 60_000 },
  clock_skew: { ms: 60_000 },
};
const KINDS = Object.keys(EFFECTS) as EffectKind[];
const addAll = () => {
  for (const kind of KINDS) fault({ probability: 0, effect: effectSchema.parse({ kind, ...NEEDED[kind] }) });
};
/** The effects that matched at least one request. */
const findMatched = () =>
  controller()
    .faults.list(0)
    .flatMap(({ effect, matched }) => (matched > 0 ? [effect.kind] : []));
const findKinds = (isUsable: (route: string) => boolean) =>
  KINDS.filter((kind) => getEffectRoutes(kind)?.some(isUsable) ?? true);

/** The responses of a run and the final state of the node. */
async function run(prepare: () => void) {
  rewind();
  await start();
  prepare();
  const happened: unknown[] = [];
  controller().events.subscribe((event) => {
    if (event.type !== 'request') happened.push(event);
  });
  let count = 0;
  const responses = await runSession(
    async (path) => {
      const { text, end } = await talk(url(), path, { requestId: `r${count++}` });
      return { seen: { text, end }, json: parseJson(text.split('\r\n\r\n')[1] ?? '') };
    },
    { rounds: 6, after: pass },
  );
  const journal = controller()
    .journal.find()
    .map(({ durationMs: _, ...entry }) => entry);
  return {
    responses,
    journal,
    happened,
    contracts: [...controller().ledger.listContracts(controller().clock.now())],
    info: controller().getInfo(),
  };
}

describe('faults of probability 0', () => {
  it('change no byte of a response, no journal entry and no contract', async () => {
    const without = await run(() => {});
    const withThem = await run(addAll);
    expect(findMatched()).toEqual(findKinds((route) => !route.startsWith('v1_')));
    expect(without.responses.length).toBeGreaterThan(50);
    expect(withThem).toEqual(without);
  });

  it('change no response of the v1 API', async () => {
    const runV1 = async (prepare: () => void) => {
      rewind();
      await start({ ...V1_OPTIONS, scheme: 'swizzle', seed: '1' });
      prepare();
      const farmer = await createV1Farmer(get, 2);
      const returned = (await get(`${V1}/heartbeat/${farmer.token}`)).json;
      const answers = await farmer.answer(...(await farmer.list()));
      return { returned, chunks: farmer.chunks, answers, after: await farmer.challenges(1, 2, 3) };
    };
    const without = await runV1(() => {});
    expect(await runV1(addAll)).toEqual(without);
    expect(findMatched()).toEqual(findKinds((route) => route.startsWith('v1_')));
  });

  it('differ from a fault that applies once, so that the comparison is valid', async () => {
    const without = await run(() => {});
    const withOne = await run(() => fault({ skip: 40, times: 1, effect: 'wrong_content_type' }));
    expect(withOne.responses).not.toEqual(without.responses);
    expect(withOne.journal).not.toEqual(without.journal);
  });
});
