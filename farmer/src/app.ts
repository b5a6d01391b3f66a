import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  CodedError,
  codeOf,
  formatBytes,
  type HttpServer,
  type Logger,
  LogTail,
  listen,
  SettingsError,
  Shutdown,
  systemClock,
  systemRng,
  withFields,
} from '@downstream/platform';
import { ChunkFiles } from './chunks/chunk-files.ts';
import { ChunkStore } from './chunks/chunk-store.ts';
import { ensureStandardGenesis, type Genesis, openGenesis } from './chunks/genesis.ts';
import { WorkerPool } from './chunks/worker-pool.ts';
import type { FarmerConfig } from './config.ts';
import { chunksIn } from './contract/capacity.ts';
import { Farm } from './farming/farm.ts';
import { Farming } from './farming/farming.ts';
import type { Leaving, StoredScrub } from './farming/ports.ts';
import { httpApp } from './http/http-app.ts';
import { allChallenges, allContracts, isoOf, nodeStatus, type Status, soonest } from './http/status.ts';
import { FarmerMetrics } from './metrics/metrics.ts';
import { NodeHttp } from './node/node-http.ts';
import { PrototypeNode } from './node/prototype-node.ts';
import { History } from './page/history.ts';
import { Live } from './page/live.ts';
import { keepingHistory, readView } from './page/reading.ts';
import { RequestTally } from './page/request-tally.ts';
import { pageRoutes } from './page/routes.ts';
import { StateStore } from './state/state-store.ts';
import { VERSION } from './version.ts';

/** The data directory can't be used. */
class DataDirError extends CodedError<'not_writable'> {}

/** A farmer that runs. */
export interface FarmerApp {
  /** Where it serves metrics, health and status. */
  readonly url: string;
  readonly status: () => Status;
  /** Stops in order, within its budget; @returns whether everything closed cleanly */
  stop(): Promise<boolean>;
}

export interface FarmerAppParts {
  readonly log: Logger;
  /** Values that the logger never prints; the token is added as soon as it is known. */
  readonly secrets: Set<string>;
  /** The end of the log, for the page. */
  readonly tail?: LogTail;
  /** Hears of a fault that farming can't go on after. */
  readonly onFault: (error: unknown) => void;
}

const STOP_BUDGET_MS = 4_000;

/**
 * Builds a farmer and starts it: port, state, genesis file, then the loops. What has been opened is closed again in
 * reverse, also when a later step fails.
 *
 * @throws a `CodedError` whose message says what to do
 */
export async function startFarmer(
  config: FarmerConfig,
  { log, secrets, tail = new LogTail(), onFault }: FarmerAppParts,
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
  const history = new History(startedAt);
  const requests = new Map(aliases.map((alias) => [alias, new RequestTally()]));
  let farming: Farming | undefined;
  let pool: WorkerPool | undefined;

  const missing = () => [
    ...(farming === undefined ? ['state and genesis file'] : []),
    ...(farming?.nodes.every(({ session }) => session.token === undefined) !== false ? ['token from the node'] : []),
  ];
  const status = (): Status => statusOf(config, startedAt, farming);
  const sources = {
    clock,
    status,
    history,
    tail,
    requests,
    farms: () => farming?.nodes.map(({ farm }) => farm) ?? [],
    farming: () => farming,
    pool: () => pool,
  };
  const view = async () => readView(sources);
  const live = new Live({ view, log });

  try {
    const server = await listen(
      httpApp({
        scrape: async () => await metrics.scrape(),
        status,
        isAlive: () => farming?.isTicking ?? true,
        missing,
        contract: () => undefined,
        page: pageRoutes({ view, live }),
      }),
      {
        host: config.httpHost,
        port: config.httpPort,
        setting: 'FARMER_HTTP_PORT',
      },
    );
    shutdown.add('http server', async () => {
      live.close();
      await server.close();
    });

    makeDataDir(config.dataDir);
    const store = StateStore.open(join(config.dataDir, 'state.db'));
    shutdown.add('state', () => store.close());
    store.claim({ nodeUrl: config.nodes[0].url, address: config.address }, config);
    const kept = store.token();
    if (kept !== undefined) secrets.add(kept);

    const workers = new WorkerPool(config);
    pool = workers;
    shutdown.add('workers', async () => await workers.close());
    const genesis = await genesisFile(config, workers);
    const [disk] = config.disks;
    const capacityContracts = chunksIn(disk.sizeBytes, genesis.size);
    if (capacityContracts === 0) {
      throw new SettingsError([
        `FARMER_SIZE is ${disk.sizeBytes} bytes: give at least ${genesis.size}, the size of one chunk`,
      ]);
    }

    const [node] = config.nodes;
    const http = new NodeHttp(node.url, {
      observe: (end) => {
        metrics.request(node.alias, end);
        requests.get(node.alias)?.note(end, clock.now());
        log.debug('node asked', { ...end, seconds: Number(end.seconds.toFixed(4)) });
      },
    });
    shutdown.add('connections to the node', () => http.close());
    const files = new ChunkFiles(join(config.dataDir, 'chunks'));
    files.create();
    const downloadOrigins = new Set([new URL(node.url).origin, ...config.downloadOrigins]);
    const chunks = new ChunkStore(
      { genesis, downloadOrigins },
      { files, pool: workers, downloads: http, observer: metrics },
    );
    const outcomes = keepingHistory(metrics.node(node.alias), history, clock);
    const tokens = {
      token: () => store.token(),
      saveToken: (token: string) => {
        secrets.add(token);
        store.saveToken(token);
      },
    };
    const farm = new Farm({ capacityContracts, chunkBytes: genesis.size }, { store, chunks, outcomes, clock, log });
    let leaving: Leaving = 'no';
    const leavingStore = {
      leaving: () => leaving,
      setLeaving: (now: Leaving) => {
        leaving = now;
      },
    };
    let scrub: StoredScrub | undefined;
    farming = new Farming(config, {
      nodes: [
        {
          alias: node.alias,
          address: config.address,
          pollIntervalMs: config.pollIntervalMs,
          node: new PrototypeNode(http),
          circuit: { retryAfterMs: undefined },
          tokens,
          leaving: leavingStore,
          farm,
          outcomes,
          log: withFields(log, { node: node.alias }),
        },
      ],
      chunks,
      room: { chunks: Number.POSITIVE_INFINITY },
      scrubs: {
        scrub: () => scrub,
        saveScrub: (now: StoredScrub) => {
          scrub = now;
        },
      },
      scrubbed: (result) => metrics.scrubbed(result),
      clock,
      rng: systemRng,
      log,
    });
    metrics.read({ farming, nodes: new Map(), pool: workers, disks: { readings: [] }, clock });
    const present = await tidy(files, store, log);
    farming.start((id) => present.has(id), onFault);
    shutdown.add('farming', async () => await farming?.stop());

    logStart(config, server, farm, log);
    return { url: server.url, status, stop: async () => await shutdown.run(STOP_BUDGET_MS) };
  } catch (error) {
    await shutdown.run(STOP_BUDGET_MS);
    throw error;
  }
}

function makeDataDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const why = codeOf(error) ?? 'unknown';
    throw new DataDirError(
      'not_writable',
      `the data directory ${path} can't be made (${why}): check FARMER_DATA_DIR and its owner`,
    );
  }
}

async function genesisFile({ genesisPath, genesisSha256, dataDir }: FarmerConfig, pool: WorkerPool): Promise<Genesis> {
  if (genesisPath !== undefined && genesisSha256 !== undefined)
    return await openGenesis(genesisPath, genesisSha256, pool);
  return await ensureStandardGenesis(join(dataDir, 'genesis'), pool);
}

/** Deletes what a crash left behind, and says which chunks are there. */
async function tidy(files: ChunkFiles, store: StateStore, log: Logger): Promise<Set<string>> {
  const partial = await files.removePartial();
  const known = new Set(store.contracts().map(({ terms }) => terms.id));
  const present = await files.list();
  const orphans = [...present].filter((id) => !known.has(id));
  for (const id of orphans) await files.remove(id);
  if (partial + orphans.length > 0)
    log.info('removed what a former run left behind', { partial, orphans: orphans.length });
  return present;
}

function statusOf(config: FarmerConfig, startedAt: number, farming: Farming | undefined): Status {
  const nodes = config.nodes.map(({ alias, url }, at) =>
    nodeStatus(
      { alias, url, capacity: farming?.nodes[at]?.farm.capacityContracts ?? 0, farming: farming?.nodes[at] },
      systemClock,
    ),
  );
  const farms = farming?.nodes.map(({ farm }) => farm) ?? [];
  return {
    alias: config.alias,
    version: VERSION,
    uptimeSeconds: Math.round((systemClock.now() - startedAt) / 1000),
    address: config.address,
    nodes,
    disks: [],
    contracts: { ...allContracts(nodes), provable: farming?.pace.provableContracts ?? null },
    bytes: {
      used: farms.reduce((sum, { bytes }) => sum + bytes, 0),
      capacity: config.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    },
    nextDue: soonest(nodes.map(({ nextDue }) => nextDue)),
    challenges: allChallenges(farms.map(({ tally }) => tally)),
    scrub: {
      running: farming?.scrubber.progress.running ?? false,
      completedAt: isoOf(farming?.scrubber.completedAt, systemClock),
      results: farming?.scrubber.progress.results ?? { sound: 0, proved: 0, corrupt: 0, unreadable: 0, slow: 0 },
    },
  };
}

function logStart(config: FarmerConfig, server: HttpServer, farm: Farm, log: Logger): void {
  log.info('farmer started', {
    alias: config.alias,
    version: VERSION,
    nodes: config.nodes.map(({ alias, url }) => `${alias}=${url}`).join(' '),
    dataDir: config.dataDir,
    capacity: formatBytes(config.disks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
    contracts: farm.size,
    workers: config.workers,
    http: server.url,
  });
}
