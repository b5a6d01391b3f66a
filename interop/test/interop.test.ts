import { describe, expect, it } from '@jest/globals';
import { parseOptions } from '../src/options.ts';
import { parsePeakRss, splitStat } from '../src/processes.ts';
import { createTable } from '../src/report.ts';

const NODE = ['--node', 'theirs=http://127.0.0.1:5000 node --port 5000'];

describe('parseOptions', () => {
  it('reads nodes, farmers and when to kill them', () => {
    const farmers = ['--farmer', 'ours=downstream -n 3', '--farmer', 'theirs2=A=1 farmer', '--kill', 'ours=20,10.5'];
    expect(parseOptions([...NODE, ...farmers, '--minutes', '30'])).toEqual({
      nodes: [{ name: 'theirs', url: 'http://127.0.0.1:5000', command: 'node --port 5000' }],
      farmers: [
        { name: 'ours', command: 'downstream -n 3', killAtMinutes: [10.5, 20] },
        { name: 'theirs2', command: 'A=1 farmer', killAtMinutes: [] },
      ],
      minutes: 30,
      folder: undefined,
    });
  });

  it.each([
    ['--node and --farmer are required', []],
    ['--node and --farmer are required', NODE],
    ['--node must be NAME=URL COMMAND', ['--node', 'theirs=node']],
    ['--farmer must begin with NAME=', [...NODE, '--farmer', '../x=farmer']],
    ['names must be unique', [...NODE, '--farmer', 'theirs=farmer']],
    ['there is no farmer other', [...NODE, '--farmer', 'ours=farmer', '--kill', 'other=1']],
    ['--kill takes a positive number', [...NODE, '--farmer', 'ours=farmer', '--kill', 'ours=soon']],
    ['--minutes takes a positive number', [...NODE, '--farmer', 'ours=farmer', '--minutes', '0']],
    ["Unknown option '--hours'", [...NODE, '--hours', '1']],
  ])('reports the mistake: %s', (message, args) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});

describe('splitStat', () => {
  it('finds the fields after a name with spaces and brackets', () => {
    expect(splitStat('7 (a (b) c) S 1 42 42')).toEqual(['S', '1', '42', '42']);
  });
});

describe('parsePeakRss', () => {
  it('reads bytes, and 0 of a process that has ended', () => {
    expect(parsePeakRss('Name:\tnode\nVmHWM:\t    2048 kB\nVmRSS:\t  1024 kB\n')).toBe(2 * 2 ** 20);
    expect(parsePeakRss('Name:\tnode\n')).toBe(0);
  });
});

describe('createTable', () => {
  const usage = { cpuMs: 1_500, peakRssBytes: 100 * 2 ** 20 };

  it('divides the CPU time of a farmer by the answers to all its nodes', () => {
    const views = [
      { node: 'a', view: { farmerId: 'x', passed: 900, lost: 1, running: 500 } },
      { node: 'b', view: { farmerId: 'y', passed: 100, lost: 0, running: 20 } },
    ];
    const rows = createTable([{ name: 'ours', views, usage, starts: 3, result: undefined }]).map(split);
    expect(rows.slice(2)).toEqual([
      ['ours', 'a', '900', '1', '500', '1.50', '1.500', '100', '3', 'running'],
      ['ours', 'b', '100', '0', '20', '1.50', '1.500', '100', '3', 'running'],
    ]);
  });

  it('has a row for a farmer that no node has counted', () => {
    const rows = createTable([{ name: 'ours', views: [], usage, starts: 1, result: 2 }]).map(split);
    expect(rows.slice(2)).toEqual([['ours', '-', '-', '-', '-', '1.50', '-', '100', '1', '2']]);
  });
});

function split(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
