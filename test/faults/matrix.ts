import { EFFECTS, type EffectKind, fault as faultSchema } from '@downstream/control-api';
import type { MockNode } from '@downstream/mock-node';
import type { RouteName } from '@downstream/protocol';
import { type Count, type ExpectedOutcome, FAULT_CASES, type FaultCase, PRESET_CASES } from './cases.ts';
import type { Seen, Trial } from './trial.ts';

/** One fault, on one route. */
export interface Row {
  readonly fault: string;
  readonly group: string;
  readonly on: string;
  readonly trial: Trial;
}

/** The fault that a row is about. */
const TRIED = 'tried';
/** Applied so often, what keeps a reply away costs no challenge: the pauses in between stay below the interval. */
const BEARABLE: Partial<Record<RouteName, number>> = { due: 2, challenge: 1, chunk: 2 };
/** What a farmer comes to when it has room again. */
const ON_THE_WAY_TO_A_CHUNK: readonly RouteName[] = ['chunk', 'download', 'remove'];
/** Challenges that are settled, one way or another, before a preset is taken away. */
const CHALLENGES = 12;

/** Every row of the matrix, those that take longest first. */
export const ROWS: readonly Row[] = [
  ...Object.keys(PRESET_CASES).map((name) => presetRow(name, PRESET_CASES[name as keyof typeof PRESET_CASES])),
  ...Object.keys(FAULT_CASES).flatMap((kind) =>
    FAULT_CASES[kind as EffectKind].flatMap((given: FaultCase) =>
      given.on.map((on) => effectRow(kind as EffectKind, on, given)),
    ),
  ),
];

function effectRow(kind: EffectKind, on: RouteName, given: FaultCase): Row {
  const { parameters = {}, counted, times = BEARABLE[on] ?? 1, forMs, beside, ...promised } = given;
  const tried = faultSchema.parse({
    name: TRIED,
    match: { route: on },
    effect: { kind, ...parameters },
    ...(forMs === undefined ? { times } : { window: { durationMs: forMs } }),
  });
  const settings = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const faults = beside === undefined ? [tried] : [faultSchema.parse(beside), tried];
  return {
    fault: [kind, ...settings, ...(beside === undefined ? [] : ['after wrong_hash'])].join(' '),
    group: EFFECTS[kind].group,
    on,
    trial: {
      ...promised,
      counted: `${on} ${counted}`,
      begins: on === 'connectivity' || on === 'new' ? 'before' : 'amid',
      contractsToExpire: ON_THE_WAY_TO_A_CHUNK.includes(on) ? times : 0,
      begin: ({ controller }) => controller.faults.replaceAll(faults, controller.clock.now()),
      isOver: ({ controller }) => controller.faults.get(TRIED, controller.clock.now()).state === 'finished',
      end: ({ controller }) => controller.faults.removeAll(),
    },
  };
}

function presetRow(name: string, { amid, ...promised }: ExpectedOutcome & { amid?: true }): Row {
  const settled = ({ controller }: MockNode) =>
    Object.values(controller.info().challenges).reduce((sum, count) => sum + count, 0);
  let before = 0;
  return {
    fault: name,
    group: 'preset',
    on: 'all',
    trial: {
      ...promised,
      begins: amid ? 'amid' : 'before',
      contractsToExpire: 0,
      begin: (node) => {
        before = settled(node);
        node.controller.applyScenario(name);
      },
      isOver: (node) => settled(node) >= before + CHALLENGES,
      end: ({ controller }) => controller.reset(['faults']),
    },
  };
}

/** What is promised, in a few words. */
export function formatExpectedOutcome({ fails = {}, ends = {}, refuses = {}, spoils = {} }: ExpectedOutcome): string {
  const losses = [
    ...worded('failed', fails),
    ...worded('ended', ends),
    ...worded('refused', refuses),
    ...worded('spoilt', spoils),
  ];
  return losses.length === 0 ? 'passed' : `degraded: ${losses.join(', ')}`;
}

/** What was seen, in a few words. */
function formatObservation({ passed, failed, ended, refused, spoilt }: Seen): string {
  const losses = [
    ...worded('failed', failed),
    ...worded('ended', ended),
    ...worded('refused', refused),
    ...worded('spoilt', spoilt),
  ];
  const replaced = Object.values(ended).reduce((sum, count) => sum + count, 0);
  return [`${passed} passed`, ...losses, ...(replaced > 0 ? [`${replaced} replaced`] : [])].join(', ');
}

function worded(what: string, counts: Partial<Record<string, Count>>): string[] {
  return Object.entries(counts).map(([reason, count]) => `${count} ${what} (${reason})`);
}

/** The whole matrix as text, columns under each other. */
export function formatMatrix(seen: ReadonlyMap<Row, Seen>): string {
  const head = ['fault', 'group', 'on route', 'promised', 'seen', 'verdict'];
  const rows = ROWS.map((row) => {
    const { fault, group, on, trial } = row;
    const outcome = seen.get(row);
    const rest = outcome === undefined ? ['', 'BROKEN, or not run'] : [formatObservation(outcome), 'kept'];
    return [fault, group, on, formatExpectedOutcome(trial), ...rest];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ');
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
    .map((text) => text.trimEnd())
    .join('\n');
}
