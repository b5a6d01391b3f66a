import { join } from 'node:path';
import {
  type Clock,
  formatBytes,
  type HttpServer,
  type Logger,
  LogTail,
  listen,
  Shutdown,
  systemClock,
  systemRandom,
  withFields,
} from '@downstream/platform';
import { ChunkStore } from './chunks/chunk-store.ts';
import type { Disks } from './chunks/disks.ts';
import { WorkerPool } from './chunks/worker-pool.ts';
import type { FarmerConfig } from './config.ts';
import { apportion } from './contract/capacity.ts';
import { CONTROL_SOCKET, openControlServer } from './control/control-server.ts';
import { FarmerOperations } from './control/operations.ts';
import { ContractTable } from './farming/contract-table.ts';
import { Farmer } from './farming/farmer.ts';
import { createHttpApp } from './http/http-app.ts';
import { FarmerMetrics } from './metrics/metrics.ts';
import { PrototypeNode } from './node/prototype-node.ts';
import { LiveUpdates } from './page/live-updates.ts';
import { readView } from './page/read-view.ts';
import { createPageRoutes } from './page/routes.ts';
import { OutcomeHistory } from './status/outcome-history.ts';
import { RequestStats } from './status/request-stats.ts';
import {
  findEarliest,
  type Status,
  sumChallenges,
  sumContracts,
  toDiskStatus,
  toNodeStatus,
  toScrubStatus,
} from './status/status.ts';
import { VERSION } from './version.ts';
import {
  type Connection,
  computeMaxContracts,
  connect,
  maskingTokens,
  openDisks,
  openGenesisFile,
  openState,
  selectHttp,
} from './wiring.ts';

/** A farmer that runs. */
export interface FarmerApp {
  /** Where it serves metrics, health and status. */
  readonly url: string;
  readonly status: () => Status;
  /** Stops in order, within its budget; @returns whether everything closed cleanly */
  stop(): Promise<boolean>;
}

export interface FarmerAppDeps {
  readonly log: Logger;
  /** Values that the logger never prints; the token is added as soon as it is known. */
  readonly secrets: Set<string>;
  /** The end of the log, for the page. */
  readonly tail?: LogTail;
  /** Hears of a fault that farming can't go on after. */
  readonly onFault: (error: unknown) => void;
}

const STOP_BUDGET_MS = 4_000;
/** Whoever reaches the port takes no file handles that the farming needs. */
const MAX_CONNECTIONS = 256;

/**
 * Builds a farmer and starts it: port, state, genesis file, then the loops. What has been opened is closed again in
 * reverse, also when a later step fails.
 *
 * @throws a `CodedError` whose message says what to do
 */
export async function startFarmer(
  config: FarmerConfig,
  { log, secrets, tail = new LogTail(), onFault }: FarmerAppDeps,
): Promise<FarmerApp> {
  const clock = systemClock;
  const startedAt = clock.now();
  const shutdown = new Shutdown(log);
  const aliases = config.nodes.map(({ alias }) => alias);
  const metrics = new FarmerMetrics({
    version: VERSION,
    nodes: aliases,
    disks: config.disks.map(({ path }) => path),
    log,
  });
  const history = new OutcomeHistory(startedAt);
  const requests = new Map(aliases.map((alias) => [alias, new RequestStats()]));
  let farmer: Farmer | undefined;
  let pool: WorkerPool | undefined;
  let disks: Disks | undefined;
  let connections: readonly Connection[] = [];
  let operations: FarmerOperations | undefined;

  const missing = () => {
    const hasToken = farmer?.nodes.some(
      ({ session, leaving }) => session.token !== undefined || leaving.state === 'left',
    );
    return [...(farmer ? [] : ['state and genesis file']), ...(hasToken ? [] : ['token from the node'])];
  };
  const status = (): Status => statusOf({ config, startedAt, clock, farmer, disks, connections });
  const sources = {
    clock,
    status,
    history,
    tail,
    requests,
    tables: () => farmer?.nodes.map(({ contracts }) => contracts) ?? [],
    farmer: () => farmer,
    pool: () => pool,
  };
  const view = async () => readView(sources);
  const live = new LiveUpdates({ view, log });

  try {
    const server = await listen(
      createHttpApp({
        scrape: async () => await metrics.scrape(),
        status,
        isAlive: () => farmer?.isTicking ?? true,
        missing,
        contract: (id) => operations?.explain(id),
        page: createPageRoutes({ view, live }),
      }),
      {
        host: config.httpHost,
        port: config.httpPort,
        setting: 'FARMER_HTTP_PORT',
        maxConnections: MAX_CONNECTIONS,
      },
    );
    shutdown.add('http server', async () => {
      live.close();
      await server.close();
    });

    const store = await openState(config, { clock, log });
    shutdown.add('state', () => store.close());
    const nodeStores = store.claim(config, config);
    for (const token of nodeStores.flatMap((nodeStore) => nodeStore.token() ?? [])) secrets.add(token);

    const workers = new WorkerPool(config);
    pool = workers;
    shutdown.add('workers', async () => await workers.close());
    const genesis = await openGenesisFile(config, workers);
    const shares = apportion(
      computeMaxContracts(config, genesis),
      config.nodes.map(({ share }) => share),
    );

    const parts = { metrics, history, clock, log };
    const opened = await openDisks({ store, chunkBytes: genesis.size }, { config, ...parts, farmer: () => farmer });
    const inventory = await opened.load();
    disks = opened;
    if (inventory.partial + inventory.orphans > 0) {
      const { partial, orphans } = inventory;
      log.info('removed what a former run left behind', { partial, orphans });
    }

    connections = config.nodes.map((node) => {
      const connection = connect(node, {
        ...parts,
        requests: requests.get(node.alias),
        shortestIntervalMs: () => farmer?.nodes.find(({ alias }) => alias === node.alias)?.contracts.shortestIntervalMs,
      });
      shutdown.add(`connections to ${node.alias}`, () => connection.http.close());
      return connection;
    });
    const chunks = new ChunkStore(
      {
        genesis,
        downloadOrigins: new Set([...config.nodes.map(({ url }) => new URL(url).origin), ...config.downloadOrigins]),
        timeoutMs: config.readTimeoutMs,
      },
      {
        locations: opened,
        events: opened,
        pool: workers,
        downloads: { download: async (url, options) => await selectHttp(url, connections).download(url, options) },
        observer: metrics,
        repairGenesis: async () => {
          try {
            await openGenesisFile(config, workers);
            log.warn('genesis file made again');
          } catch (error) {
            log.error('genesis file not made again', { error });
            throw error;
          }
        },
      },
    );
    farmer = new Farmer(config, {
      nodes: connections.flatMap(({ node, http, breaker }, at) => {
        const state = nodeStores[at];
        if (state === undefined) return [];
        const nodeLog = withFields(log, { node: node.alias });
        const outcomes = history.recordFrom(metrics.node(node.alias), clock);
        const options = { capacityContracts: shares[at] ?? 0, chunkBytes: genesis.size };
        return {
          alias: node.alias,
          address: config.address,
          pollIntervalMs: config.pollIntervalMs,
          node: new PrototypeNode(http),
          circuit: breaker,
          tokens: maskingTokens(state, secrets),
          leaving: state,
          contracts: new ContractTable(options, { store: state, chunks, outcomes, clock, log: nodeLog }),
          outcomes,
          log: nodeLog,
        };
      }),
      chunks,
      room: opened,
      scrubs: store,
      scrubbed: (result) => metrics.scrubbed(result),
      clock,
      random: systemRandom,
      log,
    });
    const links = new Map(connections.map((connection) => [connection.node.alias, connection]));
    metrics.read({ farmer, links, pool: workers, disks: opened, clock });
    farmer.start((id) => inventory.present.has(id), onFault);
    shutdown.add('farming', async () => await farmer?.stop());
    const watching = new AbortController();
    void opened.run(watching.signal).catch((error: unknown) => {
      if (!watching.signal.aborted) onFault(error);
    });
    shutdown.add('disks', () => watching.abort());

    operations = new FarmerOperations({ farmer, store, disks: opened, clock });
    const control = await openControlServer(join(config.dataDir, CONTROL_SOCKET), { operations, log });
    shutdown.add('control socket', async () => await control?.close());

    logStart(config, server, farmer, log);
    const { size: contracts } = farmer;
    const fit = computeMaxContracts(config, genesis);
    if (contracts > fit) log.warn('more contracts are held than fit into what is given', { contracts, fit });
    return { url: server.url, status, stop: async () => await shutdown.run(STOP_BUDGET_MS) };
  } catch (error) {
    await shutdown.run(STOP_BUDGET_MS);
    throw error;
  }
}

interface StatusSources {
  readonly config: FarmerConfig;
  readonly startedAt: number;
  readonly clock: Clock;
  readonly farmer: Farmer | undefined;
  readonly disks: Disks | undefined;
  readonly connections: readonly Connection[];
}

function statusOf({ config, startedAt, clock, farmer, disks, connections }: StatusSources): Status {
  const nodes = config.nodes.map(({ alias, url }, at) => {
    const node = farmer?.nodes[at];
    const { skew, breaker } = connections[at] ?? {};
    const capacity = node?.contracts.capacityContracts ?? 0;
    return toNodeStatus(
      { alias, url, capacity, skewSeconds: skew?.seconds, isOpen: breaker?.isOpen, worker: node },
      clock,
    );
  });
  const tables = farmer?.nodes.map(({ contracts }) => contracts) ?? [];
  return {
    alias: config.alias,
    version: VERSION,
    uptimeSeconds: Math.round((clock.now() - startedAt) / 1000),
    address: config.address,
    nodes,
    disks: (disks?.readings ?? []).map(toDiskStatus),
    stateSaved: tables.every(({ isWritten }) => isWritten),
    contracts: { ...sumContracts(nodes), capacityEstimate: farmer?.capacityEstimate ?? null },
    bytes: {
      used: tables.reduce((sum, { bytes }) => sum + bytes, 0),
      capacity: config.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    },
    nextDue: findEarliest(nodes.map(({ nextDue }) => nextDue)),
    challenges: sumChallenges(tables.map(({ tally }) => tally)),
    scrub: toScrubStatus(farmer?.scrubber, clock),
  };
}

function logStart(config: FarmerConfig, server: HttpServer, farmer: Farmer, log: Logger): void {
  log.info('farmer started', {
    alias: config.alias,
    version: VERSION,
    nodes: config.nodes.map(({ alias, url }) => `${alias}=${url}`).join(' '),
    dataDir: config.disks.map(({ path }) => path).join(' '),
    capacity: formatBytes(config.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
    contracts: farmer.size,
    workers: config.workers,
    http: server.url,
  });
}
