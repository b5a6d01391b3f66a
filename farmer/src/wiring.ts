import { join } from 'node:path';
import {
  type Clock,
  formatBytes,
  type Logger,
  type Secrets,
  SettingsError,
  systemRandom,
  withFields,
} from '@downstream/platform';
import { BUILD } from './build.ts';
import { createNodeDownloads } from './chunks/chunk-download.ts';
import { ChunkStore } from './chunks/chunk-store.ts';
import { assertStateExists, assertStateIsFirst, openDiskFolders, prepareDataDir } from './chunks/data-dir.ts';
import { Disk } from './chunks/disk.ts';
import { DiskReplacement } from './chunks/disk-replacement.ts';
import { createSpaceReader } from './chunks/disk-space.ts';
import { Disks } from './chunks/disks.ts';
import { findExcessCapacity } from './chunks/excess-capacity.ts';
import { ensureStandardGenesis, type Genesis, openGenesis } from './chunks/genesis.ts';
import type { WorkerPool } from './chunks/worker-pool.ts';
import type { FarmerConfig, NodeConfig } from './config.ts';
import { countChunks } from './contract/capacity.ts';
import { CapacityShares } from './farming/capacity-shares.ts';
import { ContractTable } from './farming/contract-table.ts';
import type { ContractTables } from './farming/contract-tables.ts';
import type { NodeDeps } from './farming/node-components.ts';
import type { NodeApi, OutcomePort, TagPort } from './farming/ports.ts';
import type { Identity } from './identity.ts';
import { FarmerMetrics } from './metrics/metrics.ts';
import { CircuitBreaker } from './node/circuit-breaker.ts';
import { ClockSkew } from './node/clock-skew.ts';
import type { NetworkOptions } from './node/connection-pool.ts';
import { DetectedNode } from './node/detected-node.ts';
import { NodeHttp } from './node/node-http.ts';
import { PrototypeNode } from './node/prototype-node.ts';
import { V1Node } from './node/v1-node.ts';
import { NodeTokens, type NodeTokensOptions } from './node-tokens.ts';
import type { NodeStore } from './state/node-store.ts';
import { probeState } from './state/state-probe.ts';
import { type FoundGap, StateStore } from './state/state-store.ts';
import { HISTORY_MS, OutcomeHistory } from './status/outcome-history.ts';
import { RequestStats } from './status/request-stats.ts';
import { Verdicts } from './status/verdicts.ts';
import type { TagStore } from './tags/tag-store.ts';

/** Creates the larger components of a farmer from its configuration. app.ts calls these functions in order. */

interface Components {
  readonly metrics: FarmerMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborts the start. */
  readonly signal: AbortSignal;
  readonly store: StateStore;
  /** The state of each node, in the order of the nodes. */
  readonly stores: readonly NodeStore[];
  readonly pool: WorkerPool;
  readonly genesis: Genesis;
  readonly contracts: ContractTables;
  readonly disks: Disks;
  readonly connections: readonly Connection[];
  readonly network: NetworkOptions;
}
type Uses<Name extends keyof Components> = Pick<Components, Name>;

/**
 * Opens or creates the state. Before it creates one, it checks all directories.
 *
 * @throws DataDirError or StateError
 */
export async function openState(
  config: FarmerConfig,
  { clock, log, signal }: Uses<'clock' | 'log' | 'signal'>,
): Promise<StateStore> {
  const { init, disks } = config;
  await assertStateIsFirst(disks.map(({ path }) => path));
  const isNew = await prepareDataDir(config.dataDir, { init, probeState });
  if (isNew) for (const { path } of disks.slice(1)) await prepareDataDir(path, { init, isStateDir: false });
  await assertStateExists(config.dataDir);
  signal.throwIfAborted();
  const store = StateStore.open(config.dataDir, config, clock);
  if (isNew) log.info('data directory initialized', { dataDir: config.dataDir });
  if (store.restoredContracts !== undefined)
    log.error('state restored from replica', { contracts: store.restoredContracts });
  if (store.foundGap !== undefined) log.warn('challenge results unknown', formatGap(store.foundGap));
  if (store.reconcileError !== undefined) log.warn('state replica not synchronized', { error: store.reconcileError });
  return store;
}

/** Completes both files of the tags. @throws StateError */
export async function recoverTags(tags: TagStore, { store, log }: Uses<'store' | 'log'>): Promise<void> {
  const { restoredFiles, missing, removed, isDiskFull } = await tags.recover(store.taggedContractIds());
  if (isDiskFull) log.warn('tag files not synchronized', { reason: 'disk full' });
  if (restoredFiles.length > 0) log.error('tag files restored', { files: restoredFiles });
  if (missing.length > 0) log.error('tags missing', { contracts: missing.length, first: missing[0] });
  if (removed > 0) log.info('leftover tags removed', { tags: removed });
}

/** Fills the history from the journal, as far back as no result is missing. */
export function loadHistory(history: OutcomeHistory, { store, clock }: Uses<'store' | 'clock'>): void {
  const { rounds, completeSince } = store.recentRounds(clock.now() - HISTORY_MS);
  history.load(rounds, completeSince);
}

const HEARTBEAT_INTERVAL_MS = 10_000;

/** Marks the state as in use until the signal aborts. Other writes report the errors of its disk. */
export async function runHeartbeat(store: Pick<StateStore, 'beat'>, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    store.beat();
    await clock.sleep(HEARTBEAT_INTERVAL_MS, signal).catch(() => {});
  }
}

function formatGap({ fromWall, toWall, reason, contracts }: FoundGap) {
  const from = fromWall === undefined ? undefined : new Date(fromWall).toISOString();
  return { ...(from !== undefined && { from }), to: new Date(toWall).toISOString(), reason, contracts };
}

/** @throws GenesisError */
export async function openGenesisFile(
  { genesisPath, genesisSha256, dataDir }: FarmerConfig,
  { pool, signal }: Uses<'pool'> & Partial<Uses<'signal'>>,
): Promise<Genesis> {
  if (genesisPath !== undefined && genesisSha256 !== undefined)
    return await openGenesis(genesisPath, genesisSha256, { pool, signal });
  return await ensureStandardGenesis(join(dataDir, 'genesis'), { pool, signal });
}

/** @throws SettingsError if a disk's capacity is less than a chunk of a node that is known to have the prototype API */
export function assertChunksFit(
  { disks }: FarmerConfig,
  { nodes, genesis }: { readonly nodes: readonly LoadedNode[] } & Uses<'genesis'>,
): void {
  const isPrototype = ({ config, store, contracts }: LoadedNode) =>
    (config.api ?? store.api() ?? (contracts.size > 0 ? 'prototype' : undefined)) === 'prototype';
  if (!nodes.some(isPrototype)) return;
  const tooSmall = disks.find(({ sizeBytes }) => countChunks(sizeBytes, genesis.size) === 0);
  if (tooSmall !== undefined) {
    const setting = disks.length === 1 ? 'FARMER_SIZE' : `the capacity of ${tooSmall.path}`;
    throw new SettingsError([
      `${setting} must be at least ${genesis.size} bytes, the size of one chunk (got ${tooSmall.sizeBytes})`,
    ]);
  }
}

/** What the components report to. It exists before them, so that the HTTP server can read it from the start. */
export interface Observers {
  readonly metrics: FarmerMetrics;
  readonly history: OutcomeHistory;
  readonly verdicts: Verdicts;
  readonly nodes: readonly NodeObservers[];
}

interface NodeObservers {
  readonly config: NodeConfig;
  readonly outcomes: OutcomePort;
  readonly requests: RequestStats;
  /** Adds the node's alias to each line. */
  readonly log: Logger;
}

export function createObservers(
  config: FarmerConfig,
  { clock, log, onChallengePassed }: Uses<'clock' | 'log'> & { onChallengePassed?: (() => void) | undefined },
): Observers {
  const aliases = config.nodes.map(({ alias }) => alias);
  const disks = config.disks.map(({ path }) => path);
  const metrics = new FarmerMetrics({ build: BUILD, nodes: aliases, disks }, { clock, log });
  const history = new OutcomeHistory(clock.now());
  const verdicts = new Verdicts();
  const notify = (outcomes: OutcomePort): OutcomePort => ({
    ...outcomes,
    challengePassed: (slackMs, at) => {
      outcomes.challengePassed(slackMs, at);
      onChallengePassed?.();
    },
  });
  const nodes = config.nodes.map((node) => ({
    config: node,
    outcomes: notify(verdicts.recordFrom(history.recordFrom(metrics.node(node.alias)))),
    requests: new RequestStats(),
    log: withFields(log, { node: node.alias }),
  }));
  return { metrics, history, verdicts, nodes };
}

interface LoadedNode extends NodeObservers {
  readonly store: NodeStore;
  readonly contracts: ContractTable;
}

/** Loads the contracts of each node. */
export function loadContracts(
  nodes: readonly NodeObservers[],
  { stores, genesis, clock }: Uses<'stores' | 'genesis' | 'clock'>,
): LoadedNode[] {
  return stores.flatMap((store, at) => {
    const node = nodes[at];
    if (node === undefined) return [];
    return [{ ...node, store, contracts: ContractTable.load({ chunkBytes: genesis.size }, { ...node, store, clock }) }];
  });
}

/** Divides the capacity among the nodes by their configured shares. */
export function shareCapacity({ disks, nodes: configs }: FarmerConfig, nodes: readonly NodeDeps[]): CapacityShares {
  return new CapacityShares(
    disks.map(({ sizeBytes }) => sizeBytes),
    nodes.map((node, at) => ({ ...node, share: configs[at]?.share ?? 0 })),
  );
}

/** Opens all disks. A disk that can't be used starts in quarantine. @throws DataDirError */
export async function openDisks(
  config: FarmerConfig,
  {
    store,
    genesis,
    contracts,
    metrics,
    clock,
    log,
    signal,
  }: Uses<'store' | 'genesis' | 'contracts' | 'metrics' | 'clock' | 'log' | 'signal'>,
): Promise<Disks> {
  const { farmId = '' } = store;
  const known = store.disks();
  const folders = await openDiskFolders(config.disks, { farmId, init: config.init, known });
  signal.throwIfAborted();
  for (const [id, path] of known) {
    if (!folders.some((folder) => folder.diskId === id || folder.path === path))
      log.warn('disk removed from configuration, rebuilding its chunks', { disk: path });
  }
  store.saveDisks(new Map(folders.map(({ diskId, path }) => [diskId, path])));
  const chunkBytes = contracts.largestChunkBytes ?? genesis.size;
  const disks = folders.map(({ path, sizeBytes, diskId, fault }) => {
    if (fault !== undefined) log.error('disk quarantined at start', { disk: path, reason: fault });
    const options = { path, capacityBytes: sizeBytes, chunkBytes, farmId, diskId, fault };
    return new Disk(options, { readSpace: createSpaceReader(path), clock });
  });
  return new Disks(config, {
    disks,
    held: contracts,
    clock,
    log,
    onError: (path, kind) => metrics.diskFailed(path, kind),
  });
}

export function createDiskReplacement({ store, disks }: Uses<'store' | 'disks'>): DiskReplacement {
  const { farmId = '' } = store;
  return new DiskReplacement({ farmId, disks, saveDisks: (known) => store.saveDisks(known) });
}

/** Logs a warning for disks that cannot hold as much as they are allowed to. */
export async function warnOfExcessCapacity(config: FarmerConfig, { disks, log }: Uses<'disks' | 'log'>): Promise<void> {
  for (const { paths, capacityBytes, usableBytes, sizeBytes } of await findExcessCapacity(disks.list, config)) {
    log.warn('capacity exceeds space on disk', {
      disks: paths.join(' '),
      capacity: formatBytes(capacityBytes),
      usable: formatBytes(usableBytes),
      diskSize: formatBytes(sizeBytes),
      minFree: formatBytes(config.minFreeBytes),
    });
  }
}

/** The HTTP connection to one node. */
export interface Connection {
  readonly node: NodeConfig;
  readonly http: NodeHttp;
  readonly breaker: CircuitBreaker;
  readonly skew: ClockSkew;
}

const MAX_PAUSE_MS = 30_000;

/** An open circuit breaker never blocks requests for more than a tenth of an interval. */
export function connect(
  { config: node, contracts, requests }: LoadedNode,
  { metrics, network, clock, log }: Uses<'metrics' | 'network' | 'clock' | 'log'>,
): Connection {
  const skew = new ClockSkew(clock);
  const breaker = new CircuitBreaker(
    { maxPauseMs: () => Math.min(MAX_PAUSE_MS, (contracts.shortestIntervalMs ?? Number.POSITIVE_INFINITY) / 10) },
    {
      clock,
      random: systemRandom,
      onChange: (isOpen) => {
        if (isOpen) log.warn('circuit breaker opened', { node: node.alias });
        else log.info('circuit breaker closed', { node: node.alias });
      },
    },
  );
  const http = new NodeHttp(node.url, {
    network,
    breaker,
    skew,
    clock,
    onStaleConnection: (event) => log.warn('stale connections discarded', { node: node.alias, ...event }),
    observe: (request) => {
      metrics.request(node.alias, request);
      requests.record(request, clock.now());
      log.debug('node request completed', {
        node: node.alias,
        ...request,
        seconds: Number(request.seconds.toFixed(4)),
      });
    },
  });
  return { node, http, breaker, skew };
}

export function createChunkStore(
  config: FarmerConfig,
  { genesis, disks, pool, metrics, log }: Uses<'genesis' | 'disks' | 'pool' | 'metrics' | 'log'>,
): ChunkStore<Disk> {
  return new ChunkStore(
    { genesis, tagFolder: config.dataDir, timeoutMs: config.readTimeoutMs },
    {
      locations: disks,
      events: disks,
      pool,
      observer: metrics,
      repairGenesis: async () => await rebuildGenesisFile(config, { pool, log }),
    },
  );
}

async function rebuildGenesisFile(config: FarmerConfig, { pool, log }: Uses<'pool' | 'log'>) {
  try {
    await openGenesisFile(config, { pool });
    log.warn('genesis file rebuilt');
  } catch (error) {
    log.error('genesis file rebuild failed', { error });
    throw error;
  }
}

interface NodeResources {
  readonly chunkStore: ChunkStore<Disk>;
  readonly tags: TagPort;
  readonly identity?: Identity | undefined;
  /** Origins that the chunks of every node may be downloaded from. */
  readonly trustedOrigins: readonly string[];
  readonly secrets: Pick<Secrets, 'remember'>;
  readonly tokenSettings: Omit<NodeTokensOptions, 'url'>;
}

/**
 * Decides which API a node is asked for; undefined: it is detected.
 *
 * @throws SettingsError if the node's contracts belong to another API than the configured one
 */
function selectApi({ config, contracts, store }: LoadedNode): NodeApi | undefined {
  const { api, alias, url } = config;
  if (api === undefined) return undefined;
  const stored = store.api() ?? (store.token() === undefined ? undefined : 'prototype');
  if (stored === undefined || stored === api) return api;
  if (contracts.size > 0) {
    throw new SettingsError([
      `FARMER_PROTOCOL: ${contracts.size} contracts of ${alias} (${url}) belong to the ${stored} API (got "${api}"): use "${stored}" or "auto" until they have ended`,
    ]);
  }
  store.saveApi(api);
  return api;
}

/** What the farmer needs for one node. */
export function toNodeDeps(
  loaded: LoadedNode & { readonly connection: Connection },
  { chunkStore, tags, identity, trustedOrigins, secrets, tokenSettings }: NodeResources,
): NodeDeps {
  const { config, connection, store, ...rest } = loaded;
  const { alias, url } = config;
  const { http, breaker, skew } = connection;
  const api = selectApi(loaded);
  const remember = (token: string) => secrets.remember(alias, token);
  const tokens = NodeTokens.open({ ...tokenSettings, url }, { store, remember, ...rest });
  const clients = { prototype: new PrototypeNode(http), v1: new V1Node({ url, identity }, { http, ...rest }) };
  return {
    ...rest,
    alias,
    node: new DetectedNode(api, { http, clients, tokens, ...rest }),
    circuit: breaker,
    nodeClock: skew,
    tokens,
    exitStore: store,
    clockStore: store,
    tags,
    chunks: chunkStore.forNode(createNodeDownloads({ nodeUrl: config.url, trustedOrigins }, http)),
  };
}
