import { Writable } from 'node:stream';
import { CodedError, createLogger, LogTail } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

describe('createLogger', () => {
  const lines = (
    format: 'json' | 'pretty',
    level: 'info' | 'debug',
    write: (log: ReturnType<typeof createLogger>) => void,
    secrets = new Set(['hunter2']),
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

  it('redacts secrets in messages, fields and errors', () => {
    for (const format of ['json', 'pretty'] as const) {
      const text = lines(format, 'info', (log) =>
        log.info('a hunter2', { b: 'x/hunter2/y', c: { d: 'hunter2' }, e: new Error('hunter2') }),
      );
      expect(text).not.toContain('hunter2');
      expect(text).toContain('[redacted]');
    }
  });

  it('redacts secrets that were added later', () => {
    let text = '';
    const secrets = new Set<string>();
    const stream = new Writable({
      write(piece, _encoding, done) {
        text += piece;
        done();
      },
    });
    const log = createLogger({ level: 'info', format: 'json', stream, secrets });
    secrets.add('token-1');
    log.warn('failed', { path: '/due/token-1' });
    expect(JSON.parse(text)).toMatchObject({ level: 'warn', path: '/due/[redacted]' });
  });

  it('writes readable lines in the pretty format', () => {
    const text = lines('pretty', 'info', (log) => log.info('challenge failed', { reason: 'late', lateMs: 5 }));
    expect(text).toMatch(/^\d\d:\d\d:\d\d info {2}challenge failed {2}reason=late {2}lateMs=5\n$/);
  });

  it('writes nested errors and BigInts, and ignores an empty secret', () => {
    for (const format of ['json', 'pretty'] as const) {
      const text = lines(format, 'info', (log) => log.info('odd', { a: [new Error('inner')], b: { c: 10n }, d: null }));
      expect(text).toContain('[{"message":"inner"}]');
      expect(text).toContain('{"c":"10"}');
    }
    expect(lines('pretty', 'info', (log) => log.info('plain'), new Set(['']))).toMatch(/ info {2}plain\n$/);
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
    const stream = new Writable({ write: (_piece, _encoding, done) => done() });
    const log = createLogger({ level: 'info', format: 'json', stream, secrets: new Set(['hunter2']), tail });
    for (let n = 0; n < 150; n++) log.info(`line ${n}`);
    expect(tail.lines).toHaveLength(100);
    expect(tail.lines[0]?.text).toMatch(/ info {2}line 50$/);
    log.debug('quiet');
    log.warn('a hunter2', { path: '/due/hunter2' });
    expect(tail.lines.at(-1)).toEqual({
      level: 'warn',
      text: expect.stringMatching(/warn {2}a \[redacted\] {2}path=\/due\/\[redacted\]$/),
    });
    log.info('x'.repeat(5_000));
    expect(tail.lines.at(-1)?.text).toHaveLength(1_001);
  });
});
