import { join } from 'node:path';
import { type Clock, type Logger, SettingsError, systemRandom } from '@downstream/platform';
import { assertStateExists, openDiskFolders, prepareDataDir } from './chunks/data-dir.ts';
import { Disk } from './chunks/disk.ts';
import { DiskSpace } from './chunks/disk-space.ts';
import { Disks } from './chunks/disks.ts';
import { ensureStandardGenesis, type Genesis, openGenesis } from './chunks/genesis.ts';
import type { WorkerPool } from './chunks/worker-pool.ts';
import type { FarmerConfig, NodeConfig } from './config.ts';
import { countChunks } from './contract/capacity.ts';
import type { Farmer } from './farming/farmer.ts';
import type { TokenStorePort } from './farming/ports.ts';
import type { FarmerMetrics } from './metrics/metrics.ts';
import { CircuitBreaker } from './node/circuit-breaker.ts';
import { ClockSkew } from './node/clock-skew.ts';
import { NodeHttp } from './node/node-http.ts';
import { StateStore } from './state/state-store.ts';
import type { RequestStats } from './status/request-stats.ts';

/** The larger parts of a farmer, each built from its settings; app.ts puts them together. */

interface Common {
  readonly metrics: FarmerMetrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws DataDirError, StateError: what is wrong with the folder or the state in it, and what to do */
export async function openState(
  config: FarmerConfig,
  { clock, log }: Pick<Common, 'clock' | 'log'>,
): Promise<StateStore> {
  await prepareDataDir(config.dataDir, config);
  await assertStateExists(config.dataDir);
  const store = StateStore.open(config.dataDir, config, clock);
  if (store.restoredContracts !== undefined) {
    log.error('state restored from its second copy: the first was damaged or gone', {
      contracts: store.restoredContracts,
    });
  }
  if (store.reconcileError !== undefined) {
    log.warn('state and its second copy could not be made equal', { error: store.reconcileError });
  }
  return store;
}

/** @throws GenesisError */
export async function openGenesisFile(
  { genesisPath, genesisSha256, dataDir }: FarmerConfig,
  pool: WorkerPool,
): Promise<Genesis> {
  if (genesisPath !== undefined && genesisSha256 !== undefined)
    return await openGenesis(genesisPath, genesisSha256, pool);
  return await ensureStandardGenesis(join(dataDir, 'genesis'), pool);
}

/** How many contracts fit on all disks. @throws SettingsError where there is one that none fits on */
export function computeMaxContracts({ disks }: FarmerConfig, genesis: Genesis): number {
  const tooSmall = disks.find(({ sizeBytes }) => countChunks(sizeBytes, genesis.size) === 0);
  if (tooSmall !== undefined) {
    const what = disks.length === 1 ? 'FARMER_SIZE' : `the capacity of ${tooSmall.path}`;
    throw new SettingsError([
      `${what} is ${tooSmall.sizeBytes} bytes: give at least ${genesis.size}, the size of one chunk`,
    ]);
  }
  return disks.reduce((sum, { sizeBytes }) => sum + countChunks(sizeBytes, genesis.size), 0);
}

/** The disks, those that can't be used now in quarantine from the start. @throws DataDirError */
export async function openDisks(
  { store, chunkBytes }: { store: StateStore; chunkBytes: number },
  { config, metrics, clock, log, farmer }: Common & { config: FarmerConfig; farmer: () => Farmer | undefined },
): Promise<Disks> {
  const { farmId = '' } = store;
  const known = store.disks();
  const folders = await openDiskFolders(config.disks, { farmId, init: config.init, known });
  for (const [id, path] of known) {
    if (!folders.some((folder) => folder.diskId === id || folder.path === path))
      log.warn('disk is not used any more: its chunks are made again', { disk: path });
  }
  store.saveDisks(new Map(folders.map(({ diskId, path }) => [diskId, path])));
  const disks = folders.map(({ path, sizeBytes, diskId, fault }) => {
    if (fault !== undefined) log.error('disk quarantined at start', { disk: path, reason: fault });
    const options = { path, capacityBytes: sizeBytes, chunkBytes, farmId, diskId, fault };
    return new Disk(options, { space: new DiskSpace(path), clock });
  });
  const atStart = store.contractIds();
  return new Disks(config, {
    disks,
    clock,
    log,
    isHeld: (id) => farmer()?.nodes.some(({ contracts }) => contracts.has(id)) ?? atStart.has(id),
    heldCount: () => farmer()?.size ?? atStart.size,
    onLost: (ids) => farmer()?.lost(ids),
    onFound: (ids) => farmer()?.found(ids),
    onError: (path, kind) => metrics.diskFailed(path, kind),
  });
}

/** One node as this farmer is connected to it. */
export interface Connection {
  readonly node: NodeConfig;
  readonly http: NodeHttp;
  readonly breaker: CircuitBreaker;
  readonly skew: ClockSkew;
}

const MAX_PAUSE_MS = 30_000;

export function connect(
  node: NodeConfig,
  {
    requests,
    shortestIntervalMs,
    metrics,
    clock,
    log,
  }: Common & { requests: RequestStats | undefined; shortestIntervalMs: () => number | undefined },
): Connection {
  const skew = new ClockSkew();
  const breaker = new CircuitBreaker(
    // So short beside a round that an open circuit alone never costs one.
    { maxPauseMs: () => Math.min(MAX_PAUSE_MS, (shortestIntervalMs() ?? Number.POSITIVE_INFINITY) / 10) },
    {
      clock,
      random: systemRandom,
      onChange: (isOpen) => {
        if (isOpen)
          log.warn('the node fails again and again: it is left alone but for an attempt now and then', {
            node: node.alias,
          });
        else log.info('the node answers again', { node: node.alias });
      },
    },
  );
  const http = new NodeHttp(node.url, {
    breaker,
    skew,
    clock,
    observe: (end) => {
      metrics.request(node.alias, end);
      requests?.record(end, clock.now());
      log.debug('node asked', { node: node.alias, ...end, seconds: Number(end.seconds.toFixed(4)) });
    },
  });
  return { node, http, breaker, skew };
}

/** The connection whose node a URL belongs to; the first one's for other servers. */
export function selectHttp(url: string, connections: readonly Connection[]): NodeHttp {
  const { origin } = new URL(url);
  const own = connections.find(({ node }) => new URL(node.url).origin === origin) ?? connections[0];
  if (own === undefined) throw new RangeError('a farmer has a node');
  return own.http;
}

/** Tokens are kept, and never printed. */
export function maskingTokens(store: TokenStorePort, secrets: Set<string>): TokenStorePort {
  return {
    token: () => store.token(),
    saveToken: (token) => {
      secrets.add(token);
      store.saveToken(token);
    },
  };
}
