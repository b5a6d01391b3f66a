import { Writable } from 'node:stream';
import { CodedError, createLogger, IncidentLog, LogTail } from '@downstream/platform';
import { describe, expect, it } from '@jest/globals';

const START = Date.UTC(2030, 0, 1);
const MINUTE = 60_000;

/** An incident log whose timers run when a test advances its time. */
function createIncidentLog() {
  let now = START;
  let timers: { at: number; work: () => void }[] = [];
  const written: { seconds: number; level: string; message: string; [field: string]: unknown }[] = [];
  const ended: unknown[] = [];
  const log = new IncidentLog(
    ({ level, message, fields }) => written.push({ seconds: (now - START) / 1_000, level, message, ...fields }),
    {
      now: () => now,
      toWallTime: (instant) => instant,
      after: (ms, work) => timers.push({ at: now + ms, work }),
      onEnd: (incident, summary) => ended.push({ incident, ...summary }),
    },
  );
  const advance = (ms: number) => {
    const end = now + ms;
    for (;;) {
      const [next] = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      timers = timers.filter((timer) => timer !== next);
      now = next.at;
      next.work();
    }
    now = end;
  };
  const warn = (message: string, fields: Record<string, unknown>) => log.add({ level: 'warn', message, fields });
  return { log, warn, written, ended, advance, timers: () => timers.length };
}

describe('IncidentLog', () => {
  it('writes the first of many lines at once, then their number', () => {
    const { warn, written, advance } = createIncidentLog();
    for (let n = 1; n <= 59; n++) warn('challenge failed', { node: 'a', contract: `c${n}`, reason: 'missed' });
    expect(written).toEqual([
      { seconds: 0, level: 'warn', message: 'challenge failed', node: 'a', contract: 'c1', reason: 'missed' },
    ]);
    advance(10_000);
    expect(written.slice(1)).toEqual([
      {
        seconds: 10,
        level: 'warn',
        message: 'challenge failed',
        node: 'a',
        contract: 'c59',
        reason: 'missed',
        times: 59,
        since: '2030-01-01T00:00:00.000Z',
      },
    ]);
  });

  it('writes the number of lines at the end of the process, if a summary is not due yet', () => {
    const { log, warn, written } = createIncidentLog();
    for (let n = 1; n <= 59; n++) warn('challenge failed', { node: 'a', contract: `c${n}` });
    warn('listing failed', { node: 'a' });
    log.flush();
    log.flush();
    expect(written.map(({ message, times }) => ({ message, times }))).toEqual([
      { message: 'challenge failed', times: undefined },
      { message: 'listing failed', times: undefined },
      { message: 'challenge failed', times: 59 },
    ]);
  });

  it('summarizes a long incident at growing intervals, and reports its end', () => {
    const { warn, written, ended, advance, timers } = createIncidentLog();
    for (let second = 0; second < 4 * 3_600; second += 5) {
      warn('listing failed', { node: 'a', failures: second, error: new CodedError('unreachable', 'no connection') });
      advance(5_000);
    }
    const summaries = written.map(({ seconds, times }) => ({ seconds, times }));
    expect(summaries.slice(0, 5)).toEqual([
      { seconds: 0, times: undefined },
      { seconds: 10, times: 2 },
      { seconds: 50, times: 10 },
      { seconds: 210, times: 42 },
      { seconds: 850, times: 170 },
    ]);
    expect(summaries.slice(5).map(({ seconds }) => seconds)).toEqual([3_410, 7_010, 10_610, 14_210]);
    advance(5 * MINUTE - 5_001);
    expect(ended).toEqual([]);
    advance(1);
    expect(ended).toEqual([
      {
        node: 'a',
        incident: 'listing failed',
        code: 'unreachable',
        times: 2_880,
        since: '2030-01-01T00:00:00.000Z',
        until: '2030-01-01T03:59:55.000Z',
      },
    ]);
    expect(timers()).toBe(0);
    warn('listing failed', { node: 'a', failures: 1, error: new CodedError('unreachable', 'no connection') });
    expect(written.at(-1)).toMatchObject({ message: 'listing failed', failures: 1 });
  });

  it('writes nothing more about a line that is not repeated', () => {
    const { warn, written, ended, advance } = createIncidentLog();
    warn('listing failed', { node: 'a' });
    advance(60 * MINUTE);
    expect(written).toHaveLength(1);
    expect(ended).toEqual([{ incident: 1 }]);
  });

  it('distinguishes lines by their texts and the code of their error, but not by contract', () => {
    const { log, warn, written } = createIncidentLog();
    warn('challenge failed', { node: 'a', contract: '1', reason: 'missed' });
    warn('challenge failed', { node: 'a', contract: '2', reason: 'missed' });
    warn('challenge failed', { node: 'a', contract: '3', reason: 'late' });
    warn('challenge failed', { node: 'b', contract: '4', reason: 'missed' });
    warn('disk quarantined', { disk: '/a' });
    warn('disk quarantined', { disk: '/b' });
    warn('chunk creation failed', { error: new CodedError('no_space', 'x') });
    warn('chunk creation failed', { error: new CodedError('disk_full', 'x') });
    warn('request failed', { error: new Error('x') });
    warn('request failed', { error: new Error('y') });
    warn('request failed', { error: new Error('y') });
    log.add({ level: 'info', message: 'chunk rebuilt', fields: { node: 'a', contract: '1' } });
    log.add({ level: 'info', message: 'chunk rebuilt', fields: { node: 'a', contract: '2' } });
    log.add({ level: 'info', message: 'incident ended', fields: { node: 'a', incident: 'x' } });
    log.add({ level: 'info', message: 'incident ended', fields: { node: 'a', incident: 'x' } });
    log.add({ level: 'info', message: 'farmer status', fields: { contracts: '1/1' } });
    log.add({ level: 'info', message: 'farmer status', fields: { contracts: '1/1' } });
    expect(written.map(({ message, contract }) => [message, contract])).toEqual([
      ['challenge failed', '1'],
      ['challenge failed', '3'],
      ['challenge failed', '4'],
      ['disk quarantined', undefined],
      ['disk quarantined', undefined],
      ['chunk creation failed', undefined],
      ['chunk creation failed', undefined],
      ['request failed', undefined],
      ['request failed', undefined],
      ['chunk rebuilt', '1'],
      ['incident ended', undefined],
      ['incident ended', undefined],
      ['farmer status', undefined],
      ['farmer status', undefined],
    ]);
  });

  it('keeps a limited number of incidents', () => {
    const { warn, written, timers } = createIncidentLog();
    for (let n = 0; n < 2; n++) for (let id = 0; id < 300; id++) warn('request failed', { path: `/${id}` });
    expect(timers()).toBe(200);
    expect(written).toHaveLength(200 + 2 * 100);
  });
});

describe('LogTail', () => {
  it('keeps the first line of an incident until it is over', () => {
    const tail = new LogTail();
    tail.add('warn', 'listing failed', 1);
    for (let n = 1; n <= 500; n++) tail.add('info', `line ${n}`);
    expect(tail.lines).toHaveLength(100);
    expect(tail.lines.slice(0, 2).map(({ text }) => text)).toEqual(['listing failed', 'line 402']);
    tail.endIncident(1);
    tail.add('info', 'line 501');
    expect(tail.lines[0]?.text).toBe('line 402');
  });

  it('drops old incidents if there are too many', () => {
    const tail = new LogTail();
    for (let n = 1; n <= 200; n++) tail.add('warn', `start of incident ${n}`, n);
    expect(tail.lines).toHaveLength(100);
    expect(tail.lines.at(-1)?.text).toBe('start of incident 200');
  });

  it('receives from the logger where an incident begins', () => {
    const tail = new LogTail();
    const stream = new Writable({ write: (_piece, _encoding, done) => done() });
    const log = createLogger({ level: 'info', format: 'json', stream, tail });
    log.warn('listing failed', { node: 'a' });
    log.warn('listing failed', { node: 'a' });
    for (let n = 1; n <= 150; n++) log.info(`line ${n}`);
    expect(tail.lines).toHaveLength(100);
    expect(tail.lines[0]?.text).toMatch(/^\d\d-\d\d \d\d:\d\d:\d\d warn {2}listing failed {2}node=a$/);
  });
});
