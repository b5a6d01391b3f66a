import { EFFECTS, type EffectKind, fault as faultSchema } from '@downstream/control-api';
import type { MockNode } from '@downstream/mock-node';
import type { RouteName } from '@downstream/protocol';
import {
  type Count,
  type ExpectedOutcome,
  FAULT_CASES,
  type FaultCase,
  PRESET_CASES,
  type PresetCase,
} from './cases.ts';
import { ENVIRONMENT_CASES, type EnvironmentCase } from './environment-cases.ts';
import type { EnvironmentName, Environments } from './environments.ts';
import type { Observation, Trial } from './trial.ts';
import { V1_CASES, V1_PRESET_CASES } from './v1-cases.ts';

/** A fault on one route, a preset, or a fault of the environment. */
interface RowIn<Name extends EnvironmentName> {
  readonly fault: string;
  readonly group: string;
  readonly on: string;
  readonly environment: Name;
  readonly trial: Trial<Environments[Name]>;
}
export type Row = { [Name in EnvironmentName]: RowIn<Name> }[EnvironmentName];
type NodeRow = RowIn<'node'> | RowIn<'v1'>;

const FAULT_NAME = 'tested';
/** How many lost responses cost no challenge: the pauses between the retries stay below the interval. */
const TOLERABLE_TIMES: Partial<Record<RouteName, number>> = { due: 2, challenge: 1, chunk: 2, v1_challenge: 2 };
/** The routes that a farmer uses only for new contracts. */
const CHUNK_ROUTES: readonly RouteName[] = ['chunk', 'download', 'remove'];
/** The number of settled challenges after which a preset is removed by default. */
const CHALLENGES = 12;

/** The routes that a farmer uses before it farms, or that can cost contracts that no farmer has then. */
const START_ROUTES: readonly RouteName[] = ['connectivity', 'new', 'v1_new', 'v1_chunk'];

/** The faults that the mock node injects into the prototype API. */
export const PROTOTYPE_ROWS: readonly NodeRow[] = [
  ...Object.entries(PRESET_CASES).map(([name, each]) => createPresetRow('node', name, each)),
  ...createEffectRows('node', FAULT_CASES),
];

/** The faults that the mock node injects into the v1 API. */
export const V1_ROWS: readonly NodeRow[] = [
  ...Object.entries(V1_PRESET_CASES).map(([name, each]) => createPresetRow('v1', name, each)),
  ...createEffectRows('v1', V1_CASES),
];

/** The faults that the mock node cannot inject. */
export const ENVIRONMENT_ROWS: readonly Row[] = [
  ...ENVIRONMENT_CASES.network.map((each) => createEnvironmentRow('network', each)),
  ...ENVIRONMENT_CASES.clock.map((each) => createEnvironmentRow('clock', each)),
  ...ENVIRONMENT_CASES.process.map((each) => createEnvironmentRow('process', each)),
  ...ENVIRONMENT_CASES.terminal.map((each) => createEnvironmentRow('terminal', each)),
];

/**
 * All rows, those that take longest first. Those of the two APIs alternate: many rows of the v1 API start a farmer, and
 * farmers start one after the other.
 */
export const ROWS: readonly Row[] = [...ENVIRONMENT_ROWS, ...alternate(PROTOTYPE_ROWS, V1_ROWS)];

/** Merges two lists evenly, and keeps the order of each. */
function alternate<T>(first: readonly T[], second: readonly T[]): T[] {
  const withPlaces = [first, second].flatMap((list) => list.map((value, at) => ({ value, place: at / list.length })));
  return withPlaces.sort((a, b) => a.place - b.place).map(({ value }) => value);
}

function createEnvironmentRow<Name extends EnvironmentName>(
  environment: Name,
  { group, fault, inject, ...expected }: EnvironmentCase<Name>,
): RowIn<Name> {
  const begin: Trial<Environments[Name]>['begin'] = async (pair) => await inject(pair.environment);
  return { fault, group, on: 'all', environment, trial: { ...expected, contractsToExpire: 0, begin } };
}

function createEffectRows(
  environment: NodeRow['environment'],
  casesByKind: Readonly<Record<string, readonly FaultCase[]>>,
): NodeRow[] {
  return Object.entries(casesByKind).flatMap(([kind, cases]) =>
    cases.flatMap((each) => each.on.map((on) => createEffectRow(environment, kind as EffectKind, on, each))),
  );
}

function createEffectRow(
  environment: NodeRow['environment'],
  kind: EffectKind,
  on: RouteName,
  faultCase: FaultCase,
): NodeRow {
  const { parameters = {}, counted, times = TOLERABLE_TIMES[on] ?? 1, forMs, additionalFault, ...expected } = faultCase;
  const tested = faultSchema.parse({
    name: FAULT_NAME,
    match: { route: on },
    effect: { kind, ...parameters },
    ...(forMs === undefined ? { times } : { window: { durationMs: forMs } }),
  });
  const settings = Object.entries(parameters).map(([name, value]) => `${name}=${value}`);
  const faults = additionalFault === undefined ? [tested] : [faultSchema.parse(additionalFault), tested];
  const begin = ({ controller }: MockNode) => controller.faults.replaceAll(faults, controller.clock.now());
  return {
    fault: [kind, ...settings, ...formatConditions(faultCase)].join(' '),
    group: EFFECTS[kind].group,
    on,
    environment,
    trial: {
      ...expected,
      counted: `${on} ${counted}`,
      contractsToExpire: CHUNK_ROUTES.includes(on) ? times : 0,
      ...(START_ROUTES.includes(on) ? { prepare: begin } : { begin: ({ node }) => begin(node) }),
      isOver: ({ controller }) => controller.faults.get(FAULT_NAME, controller.clock.now()).state === 'finished',
      end: ({ controller }) => controller.faults.removeAll(),
    },
  };
}

/** What distinguishes a row from others with the same effect. */
function formatConditions({ forMs, additionalFault, node }: FaultCase): string[] {
  return [
    ...(forMs === undefined ? [] : [`for ${forMs / 1000} s`]),
    ...(additionalFault === undefined ? [] : ['after wrong_hash']),
    ...(node?.scheme === 'swizzle' ? ['with Swizzle'] : []),
  ];
}

function createPresetRow(
  environment: NodeRow['environment'],
  name: string,
  { whileFarming, challenges = CHALLENGES, ...expected }: PresetCase,
): NodeRow {
  const countSettled = ({ controller }: MockNode) =>
    Object.values(controller.getInfo().challenges).reduce((sum, count) => sum + count, 0);
  let before = 0;
  const begin = (node: MockNode) => {
    before = countSettled(node);
    node.controller.applyScenario(name);
  };
  return {
    fault: name,
    group: 'preset',
    on: environment === 'v1' ? 'all v1' : 'all',
    environment,
    trial: {
      ...expected,
      contractsToExpire: 0,
      ...(whileFarming ? { begin: ({ node }) => begin(node) } : { prepare: begin }),
      isOver: (node) => countSettled(node) >= before + challenges,
      end: ({ controller }) => controller.reset(['faults']),
    },
  };
}

export function formatExpectedOutcome({
  failed = {},
  ended = {},
  rejected = {},
  chunkErrors = {},
}: ExpectedOutcome): string {
  const losses = [
    ...formatCounts('failed', failed),
    ...formatCounts('ended', ended),
    ...formatCounts('rejected', rejected),
    ...formatCounts('chunk error', chunkErrors),
  ];
  return losses.length === 0 ? 'passed' : `degraded: ${losses.join(', ')}`;
}

function formatObservation({ passed, failed, ended, rejected, chunkErrors }: Observation): string {
  const losses = [
    ...formatCounts('failed', failed),
    ...formatCounts('ended', ended),
    ...formatCounts('rejected', rejected),
    ...formatCounts('chunk error', chunkErrors),
  ];
  const replaced = Object.values(ended).reduce((sum, count) => sum + count, 0);
  return [`${passed} passed`, ...losses, ...(replaced > 0 ? [`${replaced} replaced`] : [])].join(', ');
}

function formatCounts(what: string, counts: Partial<Record<string, Count>>): string[] {
  return Object.entries(counts).map(([reason, count]) => `${count} ${what} (${reason})`);
}

/** The matrix as text with aligned columns. */
export function formatMatrix(seen: ReadonlyMap<Row, Observation>): string {
  const head = ['fault', 'group', 'route', 'expected', 'observed', 'result'];
  const rows = ROWS.map((row) => {
    const { fault, group, on, trial } = row;
    const outcome = seen.get(row);
    const rest = outcome === undefined ? ['', 'FAILED or not run'] : [formatObservation(outcome), 'ok'];
    return [fault, group, on, formatExpectedOutcome(trial), ...rest];
  });
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) => cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ');
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
    .map((text) => text.trimEnd())
    .join('\n');
}
