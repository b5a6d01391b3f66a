import type { Clock, Instant } from '@downstream/platform';
import type { FarmerConfig } from '../config.ts';
import type { FarmerState, RunningFarmer } from '../farmer-state.ts';
import { VERSION } from '../version.ts';
import {
  createStartingNodeStatus,
  findEarliest,
  NO_SCRUB_RESULTS,
  type Status,
  sumChallenges,
  sumContracts,
  toDiskStatus,
  toNodeStatus,
  toScrubStatus,
} from './status.ts';

interface StatusSources {
  readonly config: FarmerConfig;
  readonly clock: Clock;
  readonly startedAt: Instant;
}

type Components = Pick<
  Status,
  'nodes' | 'disks' | 'stateSaved' | 'contracts' | 'bytes' | 'nextDue' | 'challenges' | 'scrub'
>;

export function readStatus(state: FarmerState, { config, clock, startedAt }: StatusSources): Status {
  return {
    alias: config.alias,
    version: VERSION,
    uptimeSeconds: Math.round((clock.now() - startedAt) / 1000),
    address: config.address,
    ...(state.phase === 'starting' ? readStarting(config) : readRunning(state, config, clock)),
  };
}

/** What prevents the farmer from working; empty when it is ready. */
export function listMissing(state: FarmerState): string[] {
  if (state.phase === 'starting') return ['state and genesis file', 'token from the node'];
  const hasToken = state.farmer.nodes.some(
    ({ session, exit }) => session.token !== undefined || exit.progress.state === 'exited',
  );
  return hasToken ? [] : ['token from the node'];
}

function readStarting(config: FarmerConfig): Components {
  const nodes = config.nodes.map(createStartingNodeStatus);
  return {
    nodes,
    disks: [],
    stateSaved: true,
    contracts: { ...sumContracts(nodes), capacityEstimate: null },
    bytes: { used: 0, capacity: sumCapacity(config) },
    nextDue: null,
    challenges: sumChallenges([]),
    scrub: { running: false, completedAt: null, results: NO_SCRUB_RESULTS },
  };
}

function readRunning({ farmer, disks, connections }: RunningFarmer, config: FarmerConfig, clock: Clock): Components {
  const tables = farmer.nodes.map(({ contracts }) => contracts);
  const nodes = farmer.nodes.flatMap((worker, at) => {
    const connection = connections[at];
    return connection === undefined ? [] : [toNodeStatus({ worker, connection }, clock)];
  });
  return {
    nodes,
    disks: disks.readings.map(toDiskStatus),
    stateSaved: tables.every(({ isWritten }) => isWritten),
    contracts: { ...sumContracts(nodes), capacityEstimate: farmer.capacityEstimate ?? null },
    bytes: { used: tables.reduce((sum, { bytes }) => sum + bytes, 0), capacity: sumCapacity(config) },
    nextDue: findEarliest(nodes.map(({ nextDue }) => nextDue)),
    challenges: sumChallenges(tables.map(({ tally }) => tally)),
    scrub: toScrubStatus(farmer.scrubber, clock),
  };
}

function sumCapacity({ disks }: FarmerConfig): number {
  return disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
