import { createHash } from 'node:crypto';
import type { Clock, Instant } from '@downstream/platform';
import { BUILD } from '../build.ts';
import type { Disk } from '../chunks/disk.ts';
import type { FarmerConfig } from '../config.ts';
import { FAILURE_REASONS } from '../contract/contract.ts';
import type { FarmerState, RunningFarmer } from '../farmer-state.ts';
import { EMPTY_TALLY, type Tally } from '../farming/ports.ts';
import { NO_REPAIRS, type Repairs } from '../farming/repair-counts.ts';
import type { ResultsGap } from '../state/results-gap.ts';
import type { Challenges, Contracts, DiskStatus, NodeStatus, Results, Status } from './status.ts';
import type { Verdicts } from './verdicts.ts';
import { describeWaiting, type WaitingFacts } from './waiting.ts';

interface StatusSources {
  readonly config: FarmerConfig;
  readonly clock: Clock;
  readonly startedAt: Instant;
}

export function readStatus(state: FarmerState, { config, clock, startedAt }: StatusSources): Status {
  const { nodes, capacityEstimate, used, ...rest } =
    state.phase === 'starting' ? createStartingStatus(config) : readRunning(state, { config, clock });
  return {
    alias: config.alias,
    ...BUILD,
    uptimeSeconds: Math.round((clock.now() - startedAt) / 1000),
    address: config.address,
    nodes,
    ...rest,
    contracts: { ...sumContracts(nodes), capacityEstimate },
    bytes: { used, capacity: config.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) },
    // ISO 8601 dates sort by time.
    nextDue: nodes.flatMap(({ nextDue }) => nextDue ?? []).sort()[0] ?? null,
    challenges: sumChallenges(nodes),
  };
}

/** What prevents the farmer from working; empty when it is ready. */
export function listMissing(state: FarmerState, verdicts: Pick<Verdicts, 'areNegative'>): string[] {
  if (state.phase === 'starting') return ['state and genesis file', 'token from the node'];
  const hasToken = state.farmer.nodes.some(
    ({ session, exit }) => session.token !== undefined || exit.progress.state === 'exited',
  );
  return [
    ...(hasToken ? [] : ['token from the node']),
    ...(verdicts.areNegative ? ['correct answers: the node rejected the last ones'] : []),
  ];
}

interface Components extends Pick<Status, 'nodes' | 'disks' | 'stateSaved' | 'results' | 'repairs' | 'scrub'> {
  readonly capacityEstimate: number | null;
  readonly used: number;
}

function createStartingStatus({ nodes }: FarmerConfig): Components {
  return {
    nodes: nodes.map(({ alias, url }) => ({
      alias,
      url,
      reachable: false,
      problem: null,
      circuitOpen: false,
      tokenRejected: false,
      exitState: 'active',
      clockSkewSeconds: null,
      farmerId: null,
      contracts: { total: 0, capacity: 0, generating: 0, waiting: 0, proving: 0, answering: 0 },
      bytes: { used: 0, capacity: 0 },
      waiting: null,
      ended: { ended_by_node: 0, completed: 0, token_lost: 0, released: 0 },
      nextDue: null,
      challenges: toChallengeTotals(EMPTY_TALLY),
    })),
    disks: [],
    stateSaved: true,
    results: null,
    repairs: NO_REPAIRS,
    scrub: {
      running: false,
      completedAt: null,
      results: { ok: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
    },
    capacityEstimate: null,
    used: 0,
  };
}

function readRunning(
  { farmer, disks, connections, resultsGaps }: RunningFarmer,
  { config, clock }: Pick<StatusSources, 'config' | 'clock'>,
): Components {
  const { minFreeBytes } = config;
  const tables = farmer.nodes.map(({ contracts }) => contracts);
  const { completedAt, progress } = farmer.scrubber;
  const diskList = disks.list.map((disk) => toDiskStatus(disk, clock));
  const nodes = connections.flatMap((connection, at) => {
    const worker = farmer.nodes[at];
    return worker === undefined ? [] : [toNodeStatus(worker, connection, clock)];
  });
  return {
    nodes: nodes.map((node, at) => ({
      ...node,
      waiting: toWaiting(farmer, { at, nodes, disks: diskList, minFreeBytes }),
    })),
    disks: diskList,
    stateSaved: tables.every(({ isWritten }) => isWritten),
    results: toResults(resultsGaps),
    repairs: sumRepairs(tables.map(({ repairs }) => repairs)),
    scrub: { running: progress.running, completedAt: toIso(completedAt, clock), results: progress.results },
    capacityEstimate: farmer.capacityEstimate ?? null,
    used: tables.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** @param gaps the one before the first result has no start */
function toResults(gaps: readonly ResultsGap[]): Results {
  const date = (wall: number) => new Date(wall).toISOString();
  const first = gaps.find(({ fromWall }) => fromWall === undefined);
  return {
    since: first === undefined ? null : date(first.toWall),
    unknown: gaps.flatMap(({ fromWall, toWall }) =>
      fromWall === undefined ? [] : { from: date(fromWall), to: date(toWall) },
    ),
  };
}

function toNodeStatus(
  worker: RunningFarmer['farmer']['nodes'][number],
  { node, skew, breaker }: RunningFarmer['connections'][number],
  clock: Clock,
): Omit<NodeStatus, 'waiting'> {
  const { session, contracts, capacityContracts, capacityBytes, exit, isReachable, problem } = worker;
  return {
    alias: node.alias,
    url: node.url,
    reachable: isReachable,
    problem: problem === undefined ? null : { code: problem.code, since: toIsoDate(problem.since, clock) },
    circuitOpen: breaker.isOpen,
    tokenRejected: session.isTokenRejected,
    exitState: exit.progress.state,
    clockSkewSeconds: skew.seconds ?? null,
    farmerId: session.token === undefined ? null : toFarmerId(session.token),
    contracts: { total: contracts.size, capacity: capacityContracts, ...contracts.phases },
    bytes: { used: contracts.bytes, capacity: capacityBytes },
    ended: contracts.ended,
    nextDue: toIso(contracts.nextDueAt, clock),
    challenges: toChallengeTotals(contracts.tally),
  };
}

/** @param at the place of the node */
function toWaiting(
  farmer: RunningFarmer['farmer'],
  {
    at,
    nodes,
    ...shared
  }: { at: number; nodes: WaitingFacts['others'] } & Pick<WaitingFacts, 'disks' | 'minFreeBytes'>,
): NodeStatus['waiting'] {
  const [node, worker] = [nodes[at], farmer.nodes[at]];
  if (node === undefined || worker?.waitsFor === undefined) return null;
  const others = nodes.filter((other) => other !== node);
  const explanation = describeWaiting(worker.waitsFor, {
    ...shared,
    node,
    others,
    requestedBytes: worker.requestedBytes,
    releaseError: worker.exit.progress.lastError,
    capacityEstimate: farmer.capacityEstimate,
  });
  return { reason: worker.waitsFor, explanation };
}

function toDiskStatus(
  { path, state, reason, since, usedBytes, capacityBytes, freeBytes, sizeBytes }: Disk,
  clock: Clock,
): DiskStatus {
  return {
    path,
    state: state.kind,
    reason: reason ?? null,
    since: toIso(since, clock),
    bytes: { used: usedBytes, capacity: capacityBytes },
    freeBytes: freeBytes ?? null,
    sizeBytes: sizeBytes ?? null,
  };
}

function sumContracts(nodes: readonly NodeStatus[]): Contracts {
  const sum = (name: keyof Contracts) => nodes.reduce((total, { contracts }) => total + contracts[name], 0);
  return {
    total: sum('total'),
    capacity: sum('capacity'),
    generating: sum('generating'),
    waiting: sum('waiting'),
    proving: sum('proving'),
    answering: sum('answering'),
  };
}

function sumRepairs(all: readonly Repairs[]): Repairs {
  const sum = (name: keyof Repairs) => all.reduce((total, repairs) => total + repairs[name], 0);
  return { lost: sum('lost'), rebuilt: sum('rebuilt'), rebuilding: sum('rebuilding') };
}

function sumChallenges(nodes: readonly NodeStatus[]): Challenges {
  const tally = { ...EMPTY_TALLY };
  for (const { challenges } of nodes) {
    tally.passed += challenges.passed;
    for (const reason of FAILURE_REASONS) tally[reason] += challenges.failedByReason[reason];
  }
  return toChallengeTotals(tally);
}

export function toChallengeTotals({ passed, ...failedByReason }: Tally): Challenges {
  return { passed, failed: Object.values(failedByReason).reduce((sum, count) => sum + count, 0), failedByReason };
}

/** @returns the first 20 hex characters of the token's SHA-256 */
export function toFarmerId(token: string): string {
  const bytes = /^([0-9a-f]{2})+$/i.test(token) ? Buffer.from(token, 'hex') : Buffer.from(token, 'utf8');
  return createHash('sha256').update(bytes).digest('hex').slice(0, 20);
}

function toIso(instant: Instant | undefined, clock: Clock): string | null {
  return instant === undefined ? null : toIsoDate(instant, clock);
}

function toIsoDate(instant: Instant, clock: Clock): string {
  return new Date(clock.toWallTime(instant)).toISOString();
}
