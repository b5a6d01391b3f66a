import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type BenchRun, saveRun } from '../src/history.ts';

const MACHINE = { cpu: 'cpu', processors: 2, memoryGiB: 8 };
let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'history-'));
  path = join(folder, 'history.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

function createRun(commit: string, values: Readonly<Record<string, number>>): BenchRun {
  const results = Object.entries(values).map(([name, value]) => ({
    ...{ name, value, unit: 'ms', limit: 200 },
    ratio: value / 200,
  }));
  return { date: '2026-01-01T00:00:00.000Z', commit, machine: MACHINE, results };
}

describe('saveRun', () => {
  it('appends each run as a line of JSON', () => {
    const runs = [createRun('a', { first: 100 }), createRun('b', { first: 110 })];
    for (const run of runs) saveRun(path, run);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(runs);
  });

  it('says that the first run has no previous run', () => {
    expect(saveRun(path, createRun('a', { first: 100 }))).toBe('no previous run on this machine');
  });

  it('compares each result with the last run that has it', () => {
    saveRun(path, createRun('a', { first: 100, second: 0.5 }));
    saveRun(path, createRun('b', { first: 200 }));
    const lines = saveRun(path, createRun('c', { first: 150, second: 0.6, third: 1 })).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^first +200 +150 +ms +-25 % +1\.00 +0\.75 +b 2026-01-01/);
    expect(lines[2]).toMatch(/^second +0\.500 +0\.600 +ms +\+20 % +0\.00 +0\.00 +a 2026-01-01/);
  });

  it('ignores runs on other machines', () => {
    saveRun(path, { ...createRun('a', { first: 100 }), machine: { ...MACHINE, processors: 64 } });
    expect(saveRun(path, createRun('b', { first: 100 }))).toBe('no previous run on this machine');
  });

  it('rejects a damaged history and names the line', () => {
    saveRun(path, createRun('a', { first: 100 }));
    appendFileSync(path, 'broken\n');
    expect(() => saveRun(path, createRun('b', { first: 100 }))).toThrow('line 2 of the benchmark history is not JSON');
  });
});
