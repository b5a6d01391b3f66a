import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { advance } from '../src/contract/advance.ts';
import { type Contract, type ContractEvent, PHASES, type Phase } from '../src/contract/contract.ts';
import { answering, generating, INTERVAL_MS, proving, T0, waiting } from './fakes/builders.ts';

const root = join(import.meta.dirname, '../..');
const SPEC = readFileSync(join(root, 'farmer/SPEC.md'), 'utf8');

const CONTRACTS: Record<Phase, Contract> = {
  generating: generating('0.1'),
  waiting: waiting(),
  proving: proving('0.1'),
  answering: answering('0.1'),
};
const running = { nodeReachable: true, runningSince: T0 };

/** An event of each type that concerns the open challenge. */
const EVENTS: Record<ContractEvent['type'], ContractEvent> = {
  chunk_stored: { type: 'chunk_stored' },
  chunk_found: { type: 'chunk_found' },
  chunk_lost: { type: 'chunk_lost' },
  chunk_verified: { type: 'chunk_verified' },
  challenged: { type: 'challenged', challenge: '0.2', askedAt: T0 + 10, ...running },
  reading: { type: 'reading', challenge: '0.1' },
  unprovable: { type: 'unprovable', challenge: '0.1', cause: 'invalid_challenge' },
  proved: { type: 'proved', challenge: '0.1', response: 'r' },
  sent: { type: 'sent', challenge: '0.1' },
  answered: { type: 'answered', dueAt: T0 + INTERVAL_MS, askedAt: T0 + 10, ...running, runningSince: T0 + 5 },
  verdict: { type: 'verdict', challenge: '0.1', passed: true },
  rejected: { type: 'rejected', challenge: '0.1' },
  tick: { type: 'tick', ...running },
};

/** The rows of the table: the event, its description, and a cell for each phase. */
const ROWS = [...SPEC.matchAll(/^\| `(\w+)`(.*?)((?: \| [^|\n]+){4}) \|$/gm)].map(
  ([, event = '', description = '', cells = '']) => ({
    event,
    isLate: description.includes('after the deadline'),
    cells: cells.split(' | ').slice(1),
  }),
);
const CELLS = ROWS.flatMap(({ event, isLate, cells }) =>
  PHASES.map((phase, at) => ({ event, phase, isLate, when: isLate ? 'late' : 'in time', cell: cells[at] ?? '' })),
);

describe('The table of SPEC.md', () => {
  it('contains every event', () => {
    expect([...new Set(ROWS.map(({ event }) => event))].sort()).toEqual(Object.keys(EVENTS).sort());
  });

  it.each(CELLS)('shows the next phase after $event in $phase, $when', ({ event, phase, isLate, cell }) => {
    const contract = CONTRACTS[phase];
    const found = Object.values(EVENTS).find(({ type }) => type === event);
    if (found === undefined) throw new Error(`unknown event ${event}`);
    const { contract: next } = advance(contract, found, isLate ? T0 + INTERVAL_MS : T0 + 20);
    if (cell === '·') expect(next).toBe(contract);
    else
      expect({ phase: next.phase, isSame: next === contract }).toEqual({
        phase: /`(\w+)`/.exec(cell)?.[1],
        isSame: false,
      });
  });
});

/** The invariants with the tests that they name. */
const INVARIANTS = [...SPEC.matchAll(/^\*\*(\d+)\.\*\* ([\s\S]*?)(?=^\*\*\d+\.\*\*|^## |$(?![\s\S]))/gm)].map(
  ([, number, text = '']) => ({
    number: Number(number),
    tests: [...text.matchAll(/^- \[.+\]\((.+)\)\n((?: {2}- .+\n)+)/gm)].flatMap(([, path = '', titles = '']) =>
      [...titles.matchAll(/^ {2}- (.+)$/gm)].map(([, title = '']) => ({ path: join(root, 'farmer', path), title })),
    ),
  }),
);

describe('The invariants of SPEC.md', () => {
  it('are numbered from 1 without gaps', () => {
    expect(INVARIANTS.map(({ number }) => number)).toEqual(INVARIANTS.map((_, at) => at + 1));
    expect(INVARIANTS.length).toBeGreaterThan(10);
  });

  it.each(INVARIANTS)('name existing tests for number $number', ({ tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    for (const { path, title } of tests) {
      expect(existsSync(path) ? path : `no file ${path}`).toBe(path);
      // The source may escape quotes in a title.
      const source = readFileSync(path, 'utf8').replaceAll("\\'", "'");
      expect(source.includes(title) ? title : `no test in ${path}: ${title}`).toBe(title);
    }
  });
});
