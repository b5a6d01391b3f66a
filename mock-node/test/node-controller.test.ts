import { RESETTABLE } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import { setUpMockNode } from './support/mock-node.ts';

const { start, get, controller, fault, pass, newToken, acceptContract } = setUpMockNode();

describe('NodeController.reset', () => {
  it('restores the start, so that a run repeats exactly', async () => {
    await start({ preset: 'tight-deadlines', faults: [{ name: 'mine', effect: { kind: 'fixed', ms: 1 } }] });
    const begin = async () => {
      const token = await newToken();
      return [
        token,
        await acceptContract(token),
        controller().config,
        controller()
          .faults.list(0)
          .map(({ name }) => name),
      ];
    };
    const first = await begin();
    controller().configure({ intervalMs: 5, contractForm: 'url' });
    controller().faults.remove('mine');
    fault({ name: 'another', effect: { kind: 'clock_skew', ms: 1 } });
    controller().clock.advance(1_000_000);
    controller().clock.setRate({ mode: 'frozen' });
    controller().reset();
    expect(controller().getInfo()).toMatchObject({
      farmers: 0,
      contracts: { due: 0, settled: 0 },
      challenges: { passed: 0, wrong: 0, unanswered: 0 },
      requests: { kept: 0, dropped: 0 },
      clock: { mode: 'real', scale: 1, now: new Date(1_000_000).toISOString() },
    });
    expect(await begin()).toEqual(first);
  });

  it.each([[['contracts', 'clock']], [['faults', 'clock']], [['clock']]] as const)(
    'does not move the clock back when it resets %p only',
    async (parts) => {
      await start();
      fault({ effect: 'reset', match: { route: 'chunk' }, window: { afterMs: 500, durationMs: 1_000 } });
      controller().clock.advance(10_000);
      controller().clock.setRate({ mode: 'frozen' });
      controller().reset(parts);
      expect(controller().clock.now()).toBe(1_010_000);
      pass(10);
      expect(controller().clock.now()).toBe(1_010_010);
    },
  );

  it.each(RESETTABLE)('resets %s without the other parts', async (part) => {
    await start();
    fault({ name: 'late', effect: { kind: 'fixed', ms: 1 } });
    await acceptContract(await newToken());
    controller().configure({ intervalMs: 5_000 });
    const kept = () => ({
      contracts: controller().ledger.running,
      faults: controller().faults.list(0).length,
      requests: controller().journal.counts.kept,
      config: controller().config.intervalMs,
    });
    await get('/healthz');
    const fresh = { contracts: 0, faults: 0, requests: 0, config: 60_000, clock: 0 };
    const before = kept();
    controller().reset([part]);
    expect(kept()).toEqual(part === 'clock' ? before : { ...before, [part]: fresh[part] });
  });
});
