import { join } from 'node:path';
import {
  type Clock,
  formatBytes,
  getErrorCode,
  type HttpServer,
  type Logger,
  LogTail,
  listen,
  type ProcessOutput,
  runUnlessAborted,
  type Secrets,
  Shutdown,
  systemClock,
  systemRandom,
} from '@downstream/platform';
import { BUILD } from './build.ts';
import { WorkerPool } from './chunks/worker-pool.ts';
import type { FarmerConfig } from './config.ts';
import { CONTROL_SOCKET, openControlServer } from './control/control-server.ts';
import { FarmerOperations } from './control/operations.ts';
import { StartupState } from './farmer-state.ts';
import { ContractTables } from './farming/contract-tables.ts';
import { Farmer } from './farming/farmer.ts';
import { createHttpApp } from './http/http-app.ts';
import type { FarmerMetrics } from './metrics/metrics.ts';
import { findUnverifiedNodes, openNetwork } from './node/network.ts';
import { readContractList } from './page/contract-list.ts';
import { LiveUpdates } from './page/live-updates.ts';
import { renderText } from './page/plain-text.ts';
import { readView } from './page/read-view.ts';
import { createPageRoutes } from './page/routes.ts';
import { createStatusReport } from './page/status-report.ts';
import type { View } from './page/view.ts';
import { assertStateNotLocked } from './state/state-reader.ts';
import { listMissing, readStatus } from './status/read-status.ts';
import type { Status } from './status/status.ts';
import type { Verdicts } from './status/verdicts.ts';
import { TagStore } from './tags/tag-store.ts';
import {
  assertChunksFit,
  connect,
  createChunkStore,
  createDiskReplacement,
  createObservers,
  loadContracts,
  loadHistory,
  openDisks,
  openGenesisFile,
  openState,
  recoverTags,
  runHeartbeat,
  shareCapacity,
  toNodeDeps,
  warnOfExcessCapacity,
} from './wiring.ts';

/** A running farmer. */
export interface FarmerApp {
  /** The URL of its metrics, health checks, status and page. */
  readonly url: string;
  readonly status: () => Status;
  /** Stops all components in reverse order within a time budget. @returns whether all of them closed cleanly */
  stop(): Promise<boolean>;
}

export interface FarmerAppDeps {
  readonly log: Logger;
  /** Tokens are added as soon as they are known, so that the logger redacts them. */
  readonly secrets: Pick<Secrets, 'remember'>;
  /** The last log lines, for the page. */
  readonly tail?: LogTail;
  /** Reports lost lines of standard output and standard error. */
  readonly output?: Pick<ProcessOutput, 'subscribe'>;
  /** Called for each challenge that passes. */
  readonly onChallengePassed?: (() => void) | undefined;
  /** Receives an error after which the farmer can't continue. */
  readonly onFault: (error: unknown) => void;
  /** Aborts the start at its current step, even if that step does not respond. */
  readonly signal?: AbortSignal;
}

const STOP_BUDGET_MS = 4_000;
const CONNECTION_LIMITS = { max: 256, maxPerClient: 64 };

/**
 * Builds and starts a farmer. If a step fails or is aborted, it stops everything that was started before.
 *
 * @throws a `CodedError` whose message says what to do; the signal's reason after an abort
 */
export async function startFarmer(config: FarmerConfig, deps: FarmerAppDeps): Promise<FarmerApp> {
  const shutdown = new Shutdown(deps.log);
  try {
    return await start(config, deps, shutdown);
  } catch (error) {
    await shutdown.run(STOP_BUDGET_MS);
    throw error;
  }
}

/** Builds each component from those before it. The HTTP server is first: it reads `startup` until all are complete. */
async function start(
  config: FarmerConfig,
  {
    log,
    secrets,
    tail = new LogTail(),
    output,
    onChallengePassed,
    onFault,
    signal = new AbortController().signal,
  }: FarmerAppDeps,
  shutdown: Shutdown,
): Promise<FarmerApp> {
  /** Every step that can wait for a disk or for the network runs through this. */
  const step = async <T>(work: () => Promise<T>) => await runUnlessAborted(signal, work);
  const clock = systemClock;
  const startup = new StartupState();
  const observers = createObservers(config, { clock, log, onChallengePassed });
  const { metrics } = observers;
  output?.subscribe({
    dropped: (lines) => metrics.linesDropped(lines),
    recovered: (lines) => log.warn('output lines dropped', { lines }),
  });
  const common = { metrics, clock, log, signal };
  const status = () => readStatus(startup.current, { config, clock, startedAt: observers.history.startedAt });
  const requests = new Map(observers.nodes.map((node) => [node.config.alias, node.requests]));
  const { history, verdicts } = observers;
  const view = () => readView({ clock, status, history, tail, requests, state: () => startup.current });
  const http = { startup, status, verdicts, metrics, view, clock, log };
  const server = await step(async () => await startHttpServer(config, http, shutdown));

  const store = await step(async () => await openState(config, common));
  shutdown.add('state', () => store.close());
  const beating = new AbortController();
  void runHeartbeat(store, clock, beating.signal);
  shutdown.add('heartbeat', () => beating.abort());
  let operations: FarmerOperations | undefined;
  const control = await openControlServer(join(config.dataDir, CONTROL_SOCKET), {
    operations: () => operations,
    status: { text: () => renderText(view()), report: () => createStatusReport(view()) },
    log,
  });
  shutdown.add('control socket', async () => await control?.close());
  const stores = store.claim(config, config);
  loadHistory(observers.history, { store, clock });

  const pool = new WorkerPool(config);
  const tags = new TagStore({ folder: config.dataDir }, { pool });
  shutdown.add('tags', () => tags.close());
  shutdown.add('workers', async () => await pool.close());
  shutdown.add('tag jobs', async () => await tags.settle());
  await step(async () => await recoverTags(tags, { store, log }));
  const genesis = await step(async () => await openGenesisFile(config, { pool, signal }));

  const loaded = loadContracts(observers.nodes, { stores, genesis, clock });
  assertChunksFit(config, { nodes: loaded, genesis });
  const contracts = new ContractTables(loaded.map((node) => node.contracts));
  const disks = await step(async () => await openDisks(config, { store, genesis, contracts, ...common }));
  store.beatAfterWrites();
  const { present, partial, orphans } = await step(async () => await disks.load(signal));
  if (partial + orphans > 0) log.info('leftover files removed', { partial, orphans });
  await step(async () => await warnOfExcessCapacity(config, { disks, log }));

  const network = await step(async () => await openNetwork(config));
  for (const { alias, url } of findUnverifiedNodes(config))
    log.warn('node certificate not verified', { node: alias, url, reason: 'FARMER_SSL_NO_VERIFY' });
  const nodes = loaded.map((node) => ({ ...node, connection: connect(node, { ...common, network }) }));
  const connections = nodes.map(({ connection }) => connection);
  for (const { node, http } of connections) shutdown.add(`connections to ${node.alias}`, () => http.close());
  const chunkStore = createChunkStore(config, { genesis, disks, pool, ...common });

  const resources = {
    chunkStore,
    tags,
    identity: config.identity,
    trustedOrigins: config.downloadOrigins,
    secrets,
    tokenSettings: config,
  };
  const nodeDeps = nodes.map((node) => toNodeDeps(node, resources));
  const capacity = shareCapacity(config, nodeDeps);
  const farmer = new Farmer(config, {
    nodes: nodeDeps,
    contracts,
    capacity,
    chunks: chunkStore,
    freeSpace: disks,
    scrubs: store,
    onScrubResult: (result) => metrics.scrubbed(result),
    clock,
    random: systemRandom,
    log,
  });
  disks.subscribe(contracts);
  farmer.start((id) => present.has(id), onFault);
  shutdown.add('farmer', async () => await farmer.stop());

  const stopping = new AbortController();
  void disks.run(stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) onFault(error);
  });
  shutdown.add('disks', () => stopping.abort());

  const replacement = createDiskReplacement({ store, disks });
  operations = new FarmerOperations({ farmer, store, tags, disks, replacement, clock });
  shutdown.add('commands', () => {
    operations = undefined;
  });
  signal.throwIfAborted();

  metrics.setSources({ farmer, connections, pool, disks });
  startup.setRunning({ farmer, disks, pool, connections, operations, resultsGaps: store.gaps() });
  logStart(config, { url: server.url, contracts, log });
  if (contracts.bytes > capacity.totalBytes) {
    log.warn('contracts exceed configured capacity', {
      contracts: contracts.size,
      used: formatBytes(contracts.bytes),
      capacity: formatBytes(capacity.totalBytes),
    });
  }
  return { url: server.url, status, stop: async () => await shutdown.run(STOP_BUDGET_MS) };
}

interface HttpSources {
  readonly startup: StartupState;
  readonly status: () => Status;
  readonly verdicts: Verdicts;
  readonly metrics: Pick<FarmerMetrics, 'scrape'>;
  readonly view: () => View;
  readonly clock: Clock;
  readonly log: Logger;
}

async function startHttpServer(
  config: FarmerConfig,
  { startup, status, verdicts, metrics, view: readNow, clock, log }: HttpSources,
  shutdown: Shutdown,
): Promise<HttpServer> {
  const view = async () => readNow();
  const contracts = (page: number) => {
    const { current } = startup;
    return readContractList(current.phase === 'starting' ? undefined : current, { page, alias: config.alias, clock });
  };
  const live = new LiveUpdates({ view, log });
  const { httpHost: host, httpPort: port } = config;
  const allowedHosts = [...config.allowedHosts, host.toLowerCase()];
  const app = createHttpApp(
    { allowedHosts },
    {
      scrape: async () => await metrics.scrape(),
      status,
      isAlive: () => startup.current.phase === 'starting' || startup.current.farmer.isTicking,
      missing: () => listMissing(startup.current, verdicts),
      contract: (id) => (startup.current.phase === 'starting' ? undefined : startup.current.operations.explain(id)),
      page: createPageRoutes({ view, contracts, live }),
      log,
    },
  );
  const server = await listen(app, { host, port, setting: 'FARMER_HTTP_PORT', limits: CONNECTION_LIMITS }).catch(
    (error: unknown) => {
      // Another farmer with the same settings has the port and the state.
      if (getErrorCode(error) === 'port_in_use') assertStateNotLocked(config.dataDir);
      throw error;
    },
  );
  shutdown.add('http server', async () => {
    live.close();
    await server.close();
  });
  return server;
}

function logStart(
  config: FarmerConfig,
  { url, contracts, log }: { url: string; contracts: Pick<ContractTables, 'size'>; log: Logger },
): void {
  log.info('farmer started', {
    alias: config.alias,
    ...BUILD,
    nodes: config.nodes.map((node) => `${node.alias}=${node.url}`).join(' '),
    dataDir: config.disks.map(({ path }) => path).join(' '),
    ...(config.proxyUrl !== undefined && { proxy: new URL(config.proxyUrl).origin }),
    capacity: formatBytes(config.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
    contracts: contracts.size,
    workers: config.workers,
    http: url,
  });
}
