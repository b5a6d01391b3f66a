import { Writable } from 'node:stream';
import { CodedError, createLogger, LogLimiter, LogTail, Secrets } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

describe('createLogger', () => {
  const lines = (
    format: 'json' | 'pretty',
    level: 'info' | 'debug',
    write: (log: ReturnType<typeof createLogger>) => void,
    secrets = new Secrets(),
  ) => {
    let text = '';
    const stream = new Writable({
      write(piece, _encoding, done) {
        text += piece;
        done();
      },
    });
    write(createLogger({ level, format, stream, secrets }));
    return text;
  };

  it('writes one JSON object per line', () => {
    const { timestamp, ...line } = JSON.parse(
      lines('json', 'info', (log) => log.info('challenge failed', { reason: 'late' })),
    );
    expect(line).toEqual({ level: 'info', message: 'challenge failed', reason: 'late' });
    expect(new Date(timestamp).getTime()).toBeGreaterThan(0);
  });

  it('does not write lines below its level', () => {
    expect(lines('json', 'info', (log) => log.debug('quiet'))).toBe('');
    expect(lines('json', 'debug', (log) => log.debug('quiet'))).toContain('quiet');
  });

  it('redacts the secrets of a node in fields and errors of its lines', () => {
    const secrets = new Secrets();
    for (const format of ['json', 'pretty'] as const) {
      const text = lines(
        format,
        'info',
        (log) => {
          // Secrets may be added later.
          secrets.remember('a', 'hunter2-hunter2');
          log.info('failed', {
            node: 'a',
            b: 'x/hunter2-hunter2/y',
            c: { d: ['hunter2-hunter2'], url: new URL('http://x/hunter2-hunter2') },
            e: new CodedError('bad', 'hunter2-hunter2', { cause: 'hunter2-hunter2' }),
          });
          log.error('unexpected error', { error: new Error('GET /due/hunter2-hunter2') });
        },
        secrets,
      );
      expect(text).not.toContain('hunter2');
      expect(text.match(/\[redacted\]/g)).toHaveLength(6);
    }
  });

  it('redacts the secrets of the operator in every line', () => {
    const secrets = new Secrets();
    secrets.protect('signature');
    for (const secret of ['token 1', 'token 2', 'token 3']) secrets.remember('a', secret);
    const text = lines(
      'json',
      'info',
      (log) => {
        log.info('sent', { value: 'signature' });
        log.info('sent', { node: 'a', value: 'signature' });
        log.error('failed', { node: 'b', error: new Error('signature') });
      },
      secrets,
    );
    expect(text).not.toContain('signature');
  });

  it.each(['e', '1', 'challenge', 'downstream', 'node', 'localhost', 'contract_ended', 'warn', 'timestamp'])(
    'keeps keys, times, messages and lines about other nodes if a node issues the token %s',
    (token) => {
      const secrets = new Secrets();
      secrets.remember('localhost', token);
      const [own = '', other = '', disk = ''] = lines(
        'json',
        'info',
        (log) => {
          log.warn('challenge failed', { node: 'localhost', reason: 'late', contract: '1e' });
          log.warn('challenge failed', { node: 'other', reason: 'late', error: new Error(`no ${token}`) });
          log.warn('disk quarantined', { disk: '/mnt/downstream' });
        },
        secrets,
      ).split('\n');
      const timestamp = expect.stringMatching(/^20\d\d-/);
      expect(JSON.parse(own)).toEqual({
        level: 'warn',
        message: 'challenge failed',
        timestamp,
        node: 'localhost',
        reason: 'late',
        contract: '1e',
      });
      expect(JSON.parse(other)).toMatchObject({ node: 'other', error: { message: `no ${token}` } });
      expect(JSON.parse(disk)).toEqual({
        level: 'warn',
        message: 'disk quarantined',
        timestamp,
        disk: '/mnt/downstream',
      });
    },
  );

  it('forgets all but the last two tokens of a node', () => {
    const secrets = new Secrets();
    for (let n = 0; n < 1_000; n++) secrets.remember('node', `token-${n}`);
    secrets.remember('node', 'token-999');
    expect(secrets.list()).toEqual(['token-999', 'token-998']);
  });

  it('writes twenty lines with a message, then one a minute with the number of lines that it stands for', () => {
    const endings: (() => void)[] = [];
    const written: unknown[] = [];
    const limiter = new LogLimiter(
      ({ message, fields }) => written.push({ message, ...fields }),
      (_ms, end) => endings.push(end),
    );
    const add = (message: string, node: string, n: number) =>
      limiter.add({ level: 'warn', message, fields: { node, n } });
    for (let n = 1; n <= 1_000; n++) add('challenge failed', 'a', n);
    add('challenge failed', 'b', 1);
    add('contract ended', 'a', 1);
    expect(written).toHaveLength(22);
    for (const end of endings.splice(0)) end();
    expect(written.slice(22)).toEqual([{ message: 'challenge failed', node: 'a', n: 1_000, repeated: 980 }]);
    add('challenge failed', 'a', 1_001);
    expect(written).toHaveLength(24);
  });

  it('limits repeated lines of all levels but debug', () => {
    const text = lines('json', 'debug', (log) => {
      for (let n = 0; n < 100; n++)
        for (const level of ['error', 'warn', 'info', 'debug'] as const) log[level](`a line of level ${level}`, { n });
    });
    const count = (level: string) => text.split(`a line of level ${level}`).length - 1;
    expect({ error: count('error'), warn: count('warn'), info: count('info'), debug: count('debug') }).toEqual({
      error: 20,
      warn: 20,
      info: 20,
      debug: 100,
    });
  });

  it('writes readable lines in the pretty format', () => {
    const text = lines('pretty', 'info', (log) => log.info('challenge failed', { reason: 'late', lateMs: 5 }));
    expect(text).toMatch(/^\d\d:\d\d:\d\d info {2}challenge failed {2}reason=late {2}lateMs=5\n$/);
  });

  it('writes nested errors and BigInts', () => {
    for (const format of ['json', 'pretty'] as const) {
      const text = lines(format, 'info', (log) => log.info('odd', { a: [new Error('inner')], b: { c: 10n }, d: null }));
      expect(text).toContain('[{"message":"inner"}]');
      expect(text).toContain('{"c":"10"}');
    }
  });

  it('reduces errors to code, message and details', () => {
    const cause = Object.assign(new Error('inner'), { config: { url: '/secret' } });
    const error = new CodedError('bad', 'it was bad', { route: 'due' }, { cause });
    const line = JSON.parse(lines('json', 'info', (log) => log.error('failed', { error })));
    expect(line.error).toEqual({ code: 'bad', message: 'it was bad', route: 'due' });
    const plain = JSON.parse(lines('json', 'info', (log) => log.error('failed', { error: cause })));
    expect(plain.error).toEqual({ message: 'inner' });
  });

  it('keeps the last hundred lines in the tail: redacted, truncated and at least at its level', () => {
    const tail = new LogTail();
    const secrets = new Secrets();
    secrets.remember('a', 'hunter2-hunter2');
    const stream = new Writable({ write: (_piece, _encoding, done) => done() });
    const log = createLogger({ level: 'info', format: 'json', stream, secrets, tail });
    for (let n = 0; n < 150; n++) log.info(`line ${n}`);
    expect(tail.lines).toHaveLength(100);
    expect(tail.lines[0]?.text).toMatch(/ info {2}line 50$/);
    log.debug('quiet');
    log.warn('failed', { node: 'a', path: '/due/hunter2-hunter2' });
    expect(tail.lines.at(-1)).toEqual({
      level: 'warn',
      text: expect.stringMatching(/warn {2}failed {2}node=a {2}path=\/due\/\[redacted\]$/),
    });
    log.info('x'.repeat(5_000));
    expect(tail.lines.at(-1)?.text).toHaveLength(1_001);
  });
});
