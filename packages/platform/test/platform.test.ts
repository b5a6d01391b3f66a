import { getEventListeners } from 'node:events';
import {
  computeBackoffMs,
  formatBytes,
  formatSettingsMarkdown,
  parseBytes,
  parseSettings,
  Shutdown,
  systemClock,
  TimeoutError,
  toFlags,
  waitAtMost,
  withTimeout,
} from '@downstream/platform';
import { FakeClock, FakeLogger, settle } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';

describe('a clock', () => {
  it('wakes its sleepers in their order, and lets what they start run first', async () => {
    const clock = new FakeClock(0);
    const woken: string[] = [];
    const nap = async (name: string, ms: number) => {
      await clock.sleep(ms);
      woken.push(`${name}@${clock.now()}`);
    };
    void nap('late', 20);
    void nap('early', 10).then(() => nap('again', 5));
    await clock.advance(30);
    expect(woken).toEqual(['early@10', 'again@15', 'late@20']);
  });

  it.each([
    ['the real one', systemClock],
    ['the fake one', new FakeClock()],
  ])('wakes at once, with the reason, when it is aborted: %s', async (_, clock) => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const sleep = clock.sleep(1_000_000, controller.signal);
    controller.abort(reason);
    await expect(sleep).rejects.toBe(reason);
    await expect(clock.sleep(1, AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(clock.sleep(0, AbortSignal.abort(reason))).rejects.toBe(reason);
  });

  it.each([0, -1, Number.NEGATIVE_INFINITY])('does not sleep for %p ms', async (ms) => {
    await systemClock.sleep(ms);
    await new FakeClock().sleep(ms);
  });

  it('sleeps for months without waking at once, as timers of Node.js do', async () => {
    const controller = new AbortController();
    let awake = false;
    const sleep = systemClock.sleep(2 ** 31, controller.signal).finally(() => {
      awake = true;
    });
    await systemClock.sleep(10);
    expect(awake).toBe(false);
    controller.abort('enough');
    await expect(sleep).rejects.toBe('enough');
  });

  it('that is fake forgets a sleeper that was aborted', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const sleep = clock.sleep(10, controller.signal);
    expect(clock.sleepers).toBe(1);
    controller.abort('enough');
    await expect(sleep).rejects.toBe('enough');
    expect(clock.sleepers).toBe(0);
  });
});

describe('the pause between attempts', () => {
  it('is drawn from all of what doubles up to a cap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, throwOfDice) => {
          const pause = computeBackoffMs({ baseMs: 100, capMs: 5_000 }, attempt, { random: () => throwOfDice });
          const longest = Math.min(5_000, 100 * 2 ** (attempt - 1));
          expect(pause).toBeCloseTo(longest * throwOfDice, 6);
        },
      ),
    );
  });
});

describe('the pause between attempts, for the same throw of the dice', () => {
  it('never shrinks, and is still finite after years of failures', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.nat(10_000), (throwOfDice, attempt) => {
        const pause = (n: number) => computeBackoffMs({ baseMs: 100, capMs: 5_000 }, n, { random: () => throwOfDice });
        expect(pause(attempt + 2)).toBeGreaterThanOrEqual(pause(attempt + 1));
        expect(pause(attempt + 1)).toBeLessThanOrEqual(5_000);
      }),
    );
  });

  it('differs with the dice', () => {
    const pause = (random: number) => computeBackoffMs({ baseMs: 100, capMs: 5_000 }, 3, { random: () => random });
    expect([pause(0), pause(0.5)]).toEqual([0, 200]);
  });
});

describe('sizes', () => {
  it.each([
    ['0', 0],
    ['33554432', 33_554_432],
    ['512MiB', 536_870_912],
    ['1GB', 1_000_000_000],
    ['1.5 kib', 1536],
    ['2TiB', 2 * 2 ** 40],
    ['', undefined],
    ['MiB', undefined],
    ['-1', undefined],
    ['1e9', undefined],
    ['1 PiB', undefined],
    ['1,5GB', undefined],
    ['1 GB 2', undefined],
    ['NaN', undefined],
    ['constructor', undefined],
    [' 7 ', 7],
    ['1kB', 1000],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', undefined],
    ['9999999TB', undefined],
  ])('%j is %p bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [33_554_432, '32 MiB'],
    [2 ** 60, '1048576 TiB'],
    [1_610_612_736, '1.5 GiB'],
  ])('%i are shown as %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe('settings', () => {
  const table = {
    port: {
      env: 'X_PORT',
      flag: '--http-port',
      value: '<port>',
      description: 'The port.',
      allowed: 'a port',
      schema: z.string().regex(/^\d+$/).transform(Number),
      default: '80',
    },
    name: { env: 'X_NAME', flag: '--name', description: 'A name.', allowed: 'a name', schema: z.string().optional() },
  } as const;

  it('come from the environment, from flags, which win, or from their default', () => {
    expect(parseSettings(table, { env: {} })).toEqual({ port: 80, name: undefined });
    expect(parseSettings(table, { env: { X_PORT: '', X_NAME: 'n' } })).toEqual({ port: 80, name: 'n' });
    expect(parseSettings(table, { env: { X_PORT: '81' }, flags: { port: '82' } })).toMatchObject({ port: 82 });
  });

  it('that are wrong are all named, with value and what is allowed, long ones cut', () => {
    expect(() => parseSettings(table, { env: { X_PORT: 'x'.repeat(500) } })).toThrow(
      /^X_PORT: expected a port \(got "x{100}…"\)$/,
    );
    expect(() => parseSettings(table, { env: {}, flags: { port: 'y' } })).toThrow(
      '--http-port: expected a port (got "y")',
    );
  });

  it('that are wrong are named all at once', () => {
    const both = { ...table, name: { ...table.name, schema: z.string().max(1) } };
    expect(() => parseSettings(both, { env: { X_PORT: 'x', X_NAME: 'xx' } })).toThrow(
      expect.objectContaining({
        code: 'invalid_settings',
        message: 'X_PORT: expected a port (got "x")\nX_NAME: expected a name (got "xx")',
      }),
    );
  });

  it('that are needed and not given are named too', () => {
    const needed = { name: { ...table.name, schema: z.string() } };
    for (const env of [{}, { X_NAME: '' }]) {
      expect(() => parseSettings(needed, { env })).toThrow(/^X_NAME is not set: expected a name$/);
    }
  });

  it('that are wrong show no password', () => {
    expect(() => parseSettings(table, { env: { X_PORT: 'http://me:hunter2@node:80/x' } })).toThrow(
      /^X_PORT: expected a port \(got "http:\/\/\*\*\*@node:80\/x"\)$/,
    );
  });

  it('find their flags, and make a table', () => {
    expect(toFlags(table, { httpPort: '1', other: '2' })).toEqual({ port: '1', name: undefined });
    expect(formatSettingsMarkdown(table)).toContain('| `X_PORT` | `--http-port <port>` | `80` | The port. |');
  });
});

describe('a bounded call', () => {
  it('tells a timeout from an abort, and both from its own error', async () => {
    const forever = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('inner'))));
    await expect(withTimeout({ timeoutMs: 5 }, forever)).rejects.toBeInstanceOf(TimeoutError);
    const controller = new AbortController();
    const call = withTimeout({ timeoutMs: 60_000, signal: controller.signal }, forever);
    controller.abort('stop');
    await expect(call).rejects.toBe('stop');
    await expect(withTimeout({ timeoutMs: 60_000 }, async () => Promise.reject(new Error('own')))).rejects.toThrow(
      'own',
    );
    expect(await withTimeout({ timeoutMs: 60_000 }, async () => 7)).toBe(7);
  });

  it('waits so long, and no longer, for what no signal ends', async () => {
    await expect(waitAtMost(5, new Promise(() => {}))).rejects.toBeInstanceOf(TimeoutError);
    expect(await waitAtMost(60_000, Promise.resolve('done'))).toBe('done');
    await expect(waitAtMost(60_000, Promise.reject(new Error('own')))).rejects.toThrow('own');
    // What fails after it was given up is nobody's business any more.
    const work = Promise.withResolvers<void>();
    await expect(waitAtMost(5, work.promise)).rejects.toBeInstanceOf(TimeoutError);
    work.reject(new Error('too late'));
  });

  it('does not begin when it is aborted already', async () => {
    let begun = false;
    const work = async () => {
      begun = true;
    };
    await expect(withTimeout({ timeoutMs: 1, signal: AbortSignal.abort('stop') }, work)).rejects.toBe('stop');
    expect(begun).toBe(false);
  });

  it('says what it was given, under a code', async () => {
    const forever = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await expect(withTimeout({ timeoutMs: 5 }, forever)).rejects.toMatchObject({
      code: 'timeout',
      details: { timeoutMs: 5 },
    });
  });

  it('leaves nothing on the signal that it was given', async () => {
    const controller = new AbortController();
    for (let n = 0; n < 100; n++) await withTimeout({ timeoutMs: 60_000, signal: controller.signal }, async () => n);
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
  });
});

describe('a shutdown', () => {
  it('closes last in, first out, and goes on past a failure', async () => {
    const log = new FakeLogger();
    const shutdown = new Shutdown(log);
    const closed: string[] = [];
    shutdown.add('first', () => closed.push('first'));
    shutdown.add('broken', () => Promise.reject(new Error('no')));
    shutdown.add('last', async () => closed.push('last'));
    expect(await shutdown.run(1_000)).toBe(false);
    expect(closed).toEqual(['last', 'first']);
    expect(log.lines).toEqual([
      expect.objectContaining({ message: 'closing failed', fields: expect.objectContaining({ part: 'broken' }) }),
    ]);
  });

  it('names who takes too long, and does not wait for them', async () => {
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
      { level: 'error', message: expect.any(String), fields: { part: 'slow', budgetMs: 10 } },
    ]);
  });

  it('closes the next only when the last has closed', async () => {
    const log = new FakeLogger();
    const shutdown = new Shutdown(log);
    const events: string[] = [];
    shutdown.add('state', () => events.push('state closed'));
    shutdown.add('work', async () => {
      events.push('work ends');
      await settle();
      events.push('work ended');
    });
    expect(await shutdown.run(10_000)).toBe(true);
    expect(events).toEqual(['work ends', 'work ended', 'state closed']);
    expect(log.lines).toEqual([]);
  });

  it('closes everything once', async () => {
    const shutdown = new Shutdown(new FakeLogger());
    let closed = 0;
    shutdown.add('part', () => {
      closed += 1;
    });
    expect([await shutdown.run(1_000), await shutdown.run(1_000)]).toEqual([true, true]);
    expect(closed).toBe(1);
  });

  it('survives a part that throws at once, and one that fails after its time', async () => {
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
    expect(log.lines.map(({ fields }) => fields['part'])).toEqual(['thrower', 'late']);
  });
});
