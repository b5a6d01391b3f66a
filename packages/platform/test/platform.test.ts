import { Writable } from 'node:stream';
import {
  backoffMs,
  CodedError,
  createLogger,
  flagsByKey,
  formatBytes,
  listen,
  parseBytes,
  parseSettings,
  Shutdown,
  settingsMarkdown,
  systemClock,
  TimeoutError,
  withTimeout,
} from '@downstream/platform';
import { FakeClock, FakeLogger } from '@downstream/platform/testing';
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
  });
});

describe('the pause between attempts', () => {
  it('doubles up to its cap, and lies in the upper half of that', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, throwOfDice) => {
          const pause = backoffMs({ baseMs: 100, capMs: 5_000 }, attempt, { random: () => throwOfDice });
          const longest = Math.min(5_000, 100 * 2 ** (attempt - 1));
          expect(pause).toBeGreaterThanOrEqual(longest / 2);
          expect(pause).toBeLessThanOrEqual(longest);
        },
      ),
    );
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
    ['9999999TB', undefined],
  ])('%j is %p bytes', (text, bytes) => expect(parseBytes(text)).toBe(bytes));

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [33_554_432, '32 MiB'],
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
      /^X_PORT is "x{100}…": give a port$/,
    );
    expect(() => parseSettings(table, { env: {}, flags: { port: 'y' } })).toThrow('--http-port is "y": give a port');
  });

  it('find their flags, and make a table', () => {
    expect(flagsByKey(table, { httpPort: '1', other: '2' })).toEqual({ port: '1', name: undefined });
    expect(settingsMarkdown(table)).toContain('| `X_PORT` | `--http-port <port>` | `80` | The port. |');
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
    expect(log.lines[0]?.fields).toMatchObject({ part: 'slow' });
  });
});

describe('a log', () => {
  const lines = (
    format: 'json' | 'pretty',
    level: 'info' | 'debug',
    write: (log: ReturnType<typeof createLogger>) => void,
  ) => {
    let text = '';
    const stream = new Writable({
      write(piece, _encoding, done) {
        text += piece;
        done();
      },
    });
    write(createLogger({ level, format, stream, secrets: new Set(['hunter2']) }));
    return text;
  };

  it('has a constant message and fields, a line an object', () => {
    const { timestamp, ...line } = JSON.parse(
      lines('json', 'info', (log) => log.info('challenge failed', { reason: 'late' })),
    );
    expect(line).toEqual({ level: 'info', message: 'challenge failed', reason: 'late' });
    expect(new Date(timestamp).getTime()).toBeGreaterThan(0);
  });

  it('leaves out what is below its level', () => {
    expect(lines('json', 'info', (log) => log.debug('quiet'))).toBe('');
    expect(lines('json', 'debug', (log) => log.debug('quiet'))).toContain('quiet');
  });

  it('never prints a secret, wherever it stands', () => {
    for (const format of ['json', 'pretty'] as const) {
      const text = lines(format, 'info', (log) =>
        log.info('a hunter2', { b: 'x/hunter2/y', c: { d: 'hunter2' }, e: new Error('hunter2') }),
      );
      expect(text).not.toContain('hunter2');
      expect(text).toContain('[redacted]');
    }
  });

  it('reduces an error to code, message and facts', () => {
    const cause = Object.assign(new Error('inner'), { config: { url: '/secret' } });
    const error = new CodedError('bad', 'it was bad', { route: 'due' }, { cause });
    const line = JSON.parse(lines('json', 'info', (log) => log.error('failed', { error })));
    expect(line.error).toEqual({ code: 'bad', message: 'it was bad', route: 'due' });
  });
});

describe('an HTTP server', () => {
  it('says who it is, ends, and says what to do when its port is taken', async () => {
    const handler = (_request: unknown, response: { end(text: string): void }) => response.end('hello');
    const server = await listen(handler, { host: '127.0.0.1', port: 0, setting: 'X_PORT' });
    expect(await (await fetch(server.url)).text()).toBe('hello');
    await expect(listen(handler, { host: '127.0.0.1', port: server.port, setting: 'X_PORT' })).rejects.toMatchObject({
      code: 'port_taken',
      message: expect.stringMatching(new RegExp(`${server.port}.*X_PORT`)),
    });
    await expect(listen(handler, { host: '203.0.113.1', port: 0, setting: 'X_PORT' })).rejects.toMatchObject({
      code: 'no_address',
    });
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
  });
});
