import { EFFECTS, type EffectKind, fault as faultSchema, type RouteName } from '@downstream/control-api';
import { afterAll, describe, it } from '@jest/globals';
import { FAULT_CASES, type FaultCase } from './faults/cases.ts';
import { canLose, goThrough, type Seen, type Trial } from './faults/trial.ts';

interface Row {
  readonly fault: string;
  readonly group: string;
  readonly on: string;
  readonly trial: Trial;
}

/** Applied so often, an effect costs no challenge on any of these: pauses between attempts stay below the interval. */
const TIMES: Partial<Record<RouteName, number>> = { due: 3, challenge: 2, chunk: 2 };

/** One row for each route of a case. */
function rowsOf(kind: EffectKind, given: FaultCase): Row[] {
  const { on: routes, parameters = {}, counted, forMs, beside, ...promised } = given;
  return routes.map((on) => {
    const name = 'tried';
    const times = given.times ?? TIMES[on] ?? 1;
    const tried = faultSchema.parse({
      name,
      match: { route: on },
      effect: { kind, ...parameters },
      ...(forMs === undefined ? { times } : { window: { durationMs: forMs } }),
    });
    const others = beside === undefined ? [] : [faultSchema.parse(beside)];
    const stateOf = ({ lab }: Parameters<Trial['isOver']>[0]) => lab.faults.get(name, lab.clock.now()).state;
    return {
      fault: [kind, ...Object.entries(parameters).map(([key, value]) => `${key}=${value}`)].join(' '),
      group: EFFECTS[kind].group,
      on,
      trial: {
        ...promised,
        counted: `${on} ${counted}`,
        begins: on === 'due' || on === 'challenge' ? 'amid' : 'before',
        begin: ({ lab }) => {
          for (const fault of [...others, tried]) lab.faults.add(fault, lab.clock.now());
        },
        isOver: (node) => stateOf(node) === 'over',
        end: ({ lab }) => lab.faults.removeAll(),
      },
    };
  });
}

const kinds = Object.keys(EFFECTS) as EffectKind[];
const ROWS = kinds.flatMap((kind) => FAULT_CASES[kind].flatMap((one: FaultCase) => rowsOf(kind, one)));
const seen = new Map<Row, Seen>();

describe('a farmer, whatever the node does to it', () => {
  it.concurrent.each(ROWS)('copes with $fault on $on', async (row) => {
    seen.set(row, await goThrough(row.trial));
  });

  afterAll(() => {
    process.stdout.write(`\n${matrix()}\n`);
  });
});

function matrix(): string {
  const lines = ROWS.map((row) => {
    const { fault, group, on, trial } = row;
    return [fault, group, on, canLose(trial) ? 'degraded' : 'passed', JSON.stringify(seen.get(row))];
  });
  return lines.map((line) => line.join(' | ')).join('\n');
}
