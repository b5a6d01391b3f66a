import { createHash } from 'node:crypto';
import type { Clock, Instant } from '@downstream/platform';
import { type DiskState, type DiskStateKind, getReason } from '../chunks/disk-state.ts';
import { FAILURE_REASONS, PHASES, type Phase } from '../contract/contract.ts';
import { EMPTY_TALLY, type EndReason, type ExitState, type ScrubResult, type Tally } from '../farming/ports.ts';

type Ended = Readonly<Record<EndReason, number>>;
type Contracts = { readonly total: number; readonly capacity: number } & Readonly<Record<Phase, number>>;

export interface NodeStatus {
  readonly alias: string;
  readonly url: string;
  /** Whether the node responded to the last request. */
  readonly reachable: boolean;
  /** Whether requests pause after repeated failures. */
  readonly circuitOpen: boolean;
  /** Whether the node responds that it does not know the token. If this continues, its contracts are dropped. */
  readonly tokenRejected: boolean;
  /** Progress of a graceful exit. */
  readonly exitState: ExitState;
  /** How far the node's clock is ahead; null before the first measurement. */
  readonly clockSkewSeconds: number | null;
  /** Identifies the farmer without revealing its token; null before the node has issued one. */
  readonly farmerId: string | null;
  readonly contracts: Contracts;
  /** Contracts that ended since the farmer started, by reason. */
  readonly ended: Ended;
  /** ISO 8601; null without contracts. */
  readonly nextDue: string | null;
  readonly challenges: Challenges;
}

export interface DiskStatus {
  readonly path: string;
  readonly state: DiskStateKind;
  /** Why nothing is written to it; null if the state says it all. */
  readonly reason: string | null;
  readonly bytes: { readonly used: number; readonly capacity: number };
  /** Free space and size of the file system; null if unknown. */
  readonly freeBytes: number | null;
  readonly sizeBytes: number | null;
}

interface Challenges {
  readonly passed: number;
  readonly failed: number;
  readonly failedByReason: Omit<Tally, 'passed'>;
}

/** Response of `/status`. Contains no secrets. */
export interface Status {
  readonly alias: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly address: string;
  readonly nodes: readonly NodeStatus[];
  readonly disks: readonly DiskStatus[];
  /** Whether the last write to the state succeeded. */
  readonly stateSaved: boolean;
  /** Contracts of all nodes. `capacityEstimate`: how many can be proved in time; null before it has been measured. */
  readonly contracts: Contracts & { readonly capacityEstimate: number | null };
  readonly bytes: { readonly used: number; readonly capacity: number };
  /** ISO 8601; null without contracts. */
  readonly nextDue: string | null;
  /** Challenges since the data directory was created. */
  readonly challenges: Challenges;
  readonly scrub: {
    readonly running: boolean;
    /** ISO 8601; null if no scrub has completed. */
    readonly completedAt: string | null;
    /** Results of the last scrub that a command started. */
    readonly results: Readonly<Record<ScrubResult, number>>;
  };
}

export interface NodeStatusSource {
  readonly connection: {
    readonly node: { readonly alias: string; readonly url: string };
    readonly skew: { readonly seconds: number | undefined };
    readonly breaker: { readonly isOpen: boolean };
  };
  readonly worker: {
    readonly isReachable: boolean;
    readonly exit: { readonly progress: { readonly state: ExitState } };
    readonly session: { readonly token: string | undefined; readonly isTokenRejected: boolean };
    readonly contracts: {
      readonly size: number;
      readonly capacityContracts: number;
      readonly phases: Readonly<Record<Phase, number>>;
      readonly nextDueAt: Instant | undefined;
      readonly tally: Tally;
      readonly ended: Ended;
    };
  };
}

const NO_PHASES: Readonly<Record<Phase, number>> = { generating: 0, waiting: 0, proving: 0, answering: 0 };

const NO_ENDS: Ended = { ended_by_node: 0, token_lost: 0, released: 0 };

export function toNodeStatus({ connection, worker }: NodeStatusSource, clock: Clock): NodeStatus {
  const { node, skew, breaker } = connection;
  const { session, contracts } = worker;
  return {
    alias: node.alias,
    url: node.url,
    reachable: worker.isReachable,
    circuitOpen: breaker.isOpen,
    tokenRejected: session.isTokenRejected,
    exitState: worker.exit.progress.state,
    clockSkewSeconds: skew.seconds ?? null,
    farmerId: session.token === undefined ? null : toFarmerId(session.token),
    contracts: { total: contracts.size, capacity: contracts.capacityContracts, ...contracts.phases },
    ended: contracts.ended,
    nextDue: toIso(contracts.nextDueAt, clock),
    challenges: toChallengeTotals(contracts.tally),
  };
}

/** The status of a node while the farmer starts. */
export function createStartingNodeStatus({ alias, url }: { alias: string; url: string }): NodeStatus {
  return {
    alias,
    url,
    reachable: false,
    circuitOpen: false,
    tokenRejected: false,
    exitState: 'active',
    clockSkewSeconds: null,
    farmerId: null,
    contracts: { total: 0, capacity: 0, ...NO_PHASES },
    ended: NO_ENDS,
    nextDue: null,
    challenges: toChallengeTotals(EMPTY_TALLY),
  };
}

export function toDiskStatus(disk: {
  readonly path: string;
  readonly state: DiskState;
  readonly usedBytes: number;
  readonly capacityBytes: number;
  readonly freeBytes: number | undefined;
  readonly sizeBytes: number | undefined;
}): DiskStatus {
  const { path, state, usedBytes, capacityBytes, freeBytes, sizeBytes } = disk;
  return {
    path,
    state: state.kind,
    reason: getReason(state) ?? null,
    bytes: { used: usedBytes, capacity: capacityBytes },
    freeBytes: freeBytes ?? null,
    sizeBytes: sizeBytes ?? null,
  };
}

export const NO_SCRUB_RESULTS: Status['scrub']['results'] = { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 };

export function toScrubStatus(
  scrubber: {
    readonly completedAt: Instant | undefined;
    readonly progress: Pick<Status['scrub'], 'running' | 'results'>;
  },
  clock: Clock,
): Status['scrub'] {
  const { running, results } = scrubber.progress;
  return { running, completedAt: toIso(scrubber.completedAt, clock), results };
}

/** Adds up the contracts of all nodes. */
export function sumContracts(nodes: readonly NodeStatus[]): Contracts {
  const sum = (getCount: (contracts: Contracts) => number) =>
    nodes.reduce((total, node) => total + getCount(node.contracts), 0);
  const phases = { ...NO_PHASES };
  for (const phase of PHASES) phases[phase] = sum((contracts) => contracts[phase]);
  return { total: sum(({ total }) => total), capacity: sum(({ capacity }) => capacity), ...phases };
}

const TALLY_NAMES: readonly (keyof Tally)[] = ['passed', ...FAILURE_REASONS];

/** Adds up the challenges of all nodes. */
export function sumChallenges(tallies: readonly Tally[]): Challenges {
  const sum = { ...EMPTY_TALLY };
  for (const tally of tallies) for (const name of TALLY_NAMES) sum[name] += tally[name];
  return toChallengeTotals(sum);
}

/** @returns the earliest of several ISO 8601 dates */
export function findEarliest(dates: readonly (string | null)[]): string | null {
  return dates.filter((date) => date !== null).sort()[0] ?? null;
}

function toIso(instant: Instant | undefined, clock: Clock): string | null {
  return instant === undefined ? null : new Date(clock.toWallTime(instant)).toISOString();
}

/** @returns the first 20 hex characters of the token's SHA-256 */
export function toFarmerId(token: string): string {
  const bytes = /^([0-9a-f]{2})+$/i.test(token) ? Buffer.from(token, 'hex') : Buffer.from(token, 'utf8');
  return createHash('sha256').update(bytes).digest('hex').slice(0, 20);
}

export function toChallengeTotals({ passed, ...failedByReason }: Tally): Challenges {
  return { passed, failed: Object.values(failedByReason).reduce((sum, count) => sum + count, 0), failedByReason };
}
