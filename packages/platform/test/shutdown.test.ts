import { Shutdown } from '@downstream/platform';
import { FakeLogger, settle } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';

describe('Shutdown', () => {
  it('closes components in reverse order, and continues after a failure', async () => {
    const log = new FakeLogger();
    const shutdown = new Shutdown(log);
    const closed: string[] = [];
    shutdown.add('first', () => closed.push('first'));
    shutdown.add('broken', () => Promise.reject(new Error('no')));
    shutdown.add('last', async () => closed.push('last'));
    expect(await shutdown.run(1_000)).toBe(false);
    expect(closed).toEqual(['last', 'first']);
    expect(log.lines).toEqual([
      expect.objectContaining({
        message: 'closing component failed',
        fields: expect.objectContaining({ component: 'broken' }),
      }),
    ]);
  });

  it('logs a component that exceeds the budget, and does not wait for it', async () => {
    const log = new FakeLogger();
    const shutdown = new Shutdown(log);
    let closed = false;
    shutdown.add('quick', () => {
      closed = true;
    });
    shutdown.add('slow', () => new Promise(() => {}));
    expect(await shutdown.run(10)).toBe(false);
    expect(closed).toBe(true);
    expect(log.lines).toEqual([
      { level: 'error', message: 'component not closed in time', fields: { component: 'slow', budgetMs: 10 } },
    ]);
  });

  it('closes each component after the previous one has closed', async () => {
    const log = new FakeLogger();
    const shutdown = new Shutdown(log);
    const events: string[] = [];
    shutdown.add('state', () => events.push('state closed'));
    shutdown.add('work', async () => {
      events.push('work ending');
      await settle();
      events.push('work ended');
    });
    expect(await shutdown.run(10_000)).toBe(true);
    expect(events).toEqual(['work ending', 'work ended', 'state closed']);
    expect(log.lines).toEqual([]);
  });

  it('closes each component once', async () => {
    const shutdown = new Shutdown(new FakeLogger());
    let closed = 0;
    shutdown.add('component', () => {
      closed += 1;
    });
    expect([await shutdown.run(1_000), await shutdown.run(1_000)]).toEqual([true, true]);
    expect(closed).toBe(1);
  });

  it('continues after a component that throws, and after one that fails later than the budget', async () => {
    const log = new FakeLogger();
    const shutdown = new Shutdown(log);
    let failLate = (_: Error) => {};
    shutdown.add('late', () => new Promise((_, reject) => (failLate = reject)));
    shutdown.add('thrower', () => {
      throw new Error('no');
    });
    expect(await shutdown.run(10)).toBe(false);
    failLate(new Error('after all'));
    await settle();
    expect(log.lines.map(({ fields }) => fields['component'])).toEqual(['thrower', 'late']);
  });
});
