import { describe, expect, it } from '@jest/globals';
import { renderText } from '../../src/page/plain-text.ts';
import { createStatusReport } from '../../src/page/status-report.ts';
import { wrap } from '../../src/page/text-layout.ts';
import { makeId, terms, waiting } from '../fakes/builders.ts';
import { createView, hold } from '../fakes/view.ts';

const LONG = `/a/${'long'.repeat(40)}`;

describe('renderText', () => {
  it('shows the status, deadlines, failures, disks, nodes and log', () => {
    const text = renderText(createView());
    for (const expected of [
      'here, as of 1970-01-01 00:16:40 UTC',
      'HEALTHY: All challenges passed.',
      'Next deadline   in 1 min',
      'Last passed     10 s ago',
      'Failed          3 (wrong answer 1, missed 2)',
      '000000000000  main  waiting  –            in 1 min',
      '1 KiB of 4 KiB used, 7.8 KiB free of 9.8 KiB',
      'enough for about 40 contracts',
      'responding, last response 1 s ago',
      '08:00:00 warn  challenge failed',
    ])
      expect(text).toContain(expected);
  });

  it('has at most 80 columns, whatever it shows', () => {
    const view = createView();
    const { status } = view;
    const text = renderText({
      ...view,
      status: {
        ...status,
        alias: LONG,
        address: LONG,
        nodes: status.nodes.map((node) => ({ ...node, alias: LONG, url: LONG, clockSkewSeconds: 1e9 })),
        disks: status.disks.map((disk) => ({ ...disk, path: LONG, state: 'quarantined', reason: LONG, freeBytes: 1 })),
      },
      spans: Array.from({ length: 120 }, (_, n) => ({ from: n, minutes: 6, passed: n, failed: 1, minSlackMs: n })),
      nextContracts: Array.from({ length: 25 }, (_, n) =>
        hold({ ...waiting(), terms: terms({ id: makeId(n) }) }, LONG),
      ),
      log: [{ level: 'error', text: `${LONG} ${LONG}` }],
    });
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(text.replace(/\s+/g, ' ')).toContain('one bar: 12 min');
  });

  it('shows what reaches the farmer from outside without control characters', () => {
    const text = renderText(createView({ log: [{ level: 'warn', text: 'a \x1b[2Jb\u202ec\rd' }] }));
    expect(text).toContain('a �[2Jb�c�d');
  });
});

describe('createStatusReport', () => {
  it('has the content of /status and of the page, with dates', () => {
    const view = createView();
    expect(JSON.parse(JSON.stringify(createStatusReport(view)))).toMatchObject({
      ...view.status,
      at: '1970-01-01T00:16:40.000Z',
      overall: { label: 'Healthy', severity: 'ok' },
      intervalSeconds: 60,
      lastPassedAt: '1970-01-01T00:16:30.000Z',
      history: [{ from: '1970-01-01T00:00:00.000Z', passed: 3, failed: 1, minSlackSeconds: -0.05 }],
      nextContracts: [{ phase: 'waiting', lastResult: null, dueAt: '1970-01-01T00:17:40.000Z' }],
      requests: { main: { total: 7, lastResponseAt: '1970-01-01T00:16:39.000Z', lastFailure: null } },
      log: [{ level: 'warn' }],
    });
  });
});

describe('wrap', () => {
  it.each([
    ['', ['> ']],
    ['one two', ['> one two']],
    [`${'x'.repeat(70)} ${'y'.repeat(10)}`, [`> ${'x'.repeat(70)}`, `  ${'y'.repeat(10)}`]],
    ['x'.repeat(160), [`> ${'x'.repeat(78)}`, `  ${'x'.repeat(78)}`, `  ${'x'.repeat(4)}`]],
  ])('breaks %j at spaces, or within a word that is too long', (text, lines) => {
    expect(wrap(text, { start: '> ', indent: '  ' })).toEqual(lines.map((line) => line.trimEnd()));
  });
});
