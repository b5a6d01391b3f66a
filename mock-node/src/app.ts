import { type FaultInput, type Scenario, scenario as scenarioSchema } from '@downstream/control-api';
import {
  type BootTime,
  type Clock,
  checkGenesisSettings,
  createSeed,
  type HttpServer,
  type Logger,
  listen,
  type ProcessOutput,
  silentLogger,
  systemClock,
} from '@downstream/platform';
import { createApiApp } from './api/api-app.ts';
import { ApiListener } from './api/api-listener.ts';
import { RequestRecorder } from './api/recorder.ts';
import { RequestPipeline } from './api/request-pipeline.ts';
import { BUILD } from './build.ts';
import { ChunkFactory } from './chunks/chunk-factory.ts';
import { type Genesis, loadGenesisFile, standardGenesis } from './chunks/genesis.ts';
import { NodeClock } from './clock/node-clock.ts';
import { type MockConfig, readConfig, SETTINGS } from './config.ts';
import { type ControlDeps, createControlApp } from './control/control-app.ts';
import type { Access } from './control/guard.ts';
import { FaultPlan } from './faults/fault-plan.ts';
import { PRESETS } from './faults/presets.ts';
import { parseScenario, readScenarioFile } from './faults/scenario-file.ts';
import type { StoredHeartbeat } from './heartbeats/heartbeat.ts';
import { NodeHeartbeat } from './heartbeats/node-heartbeat.ts';
import { PreparedChunks } from './heartbeats/prepared-chunks.ts';
import { HeartbeatThreads } from './heartbeats/threads.ts';
import { Journal } from './journal/journal.ts';
import { Ledger } from './ledger/ledger.ts';
import { SeededRandom } from './ledger/seeded-random.ts';
import { MockMetrics } from './metrics.ts';
import { ControllerEvents, NodeController } from './node-controller.ts';
import { checkFolder, OwnershipFiles } from './ownership/files.ts';
import { createPageRoutes } from './page/page.ts';
import { ownershipHandlers } from './routes/ownership.ts';
import { prototypeHandlers } from './routes/prototype.ts';
import { v1Handlers } from './routes/v1.ts';
import { v1StatusHandlers } from './routes/v1-status.ts';
import { RuntimeConfig } from './runtime-config.ts';
import { MonitoredState } from './state/monitored-state.ts';
import { StateError } from './state/state-error.ts';
import { StateFile } from './state/state-file.ts';

export interface MockNode {
  readonly url: string;
  readonly port: number;
  /** The address of the control API and the page; undefined if they are off. */
  readonly controlUrl: string | undefined;
  readonly controlPort: number | undefined;
  /** The operations of the control API, without HTTP. */
  readonly controller: NodeController;
  close(): Promise<void>;
}

export interface MockNodeOptions extends Partial<MockConfig> {
  /** Added after the faults of the preset and of the scenario file. */
  readonly faults?: readonly FaultInput[];
}

interface MockNodeDeps {
  /**
   * Real time in milliseconds since the Unix epoch. The node's clock derives from it. By default it starts at the time
   * of the system clock and ignores later adjustments of it.
   */
  readonly now: () => number;
  /** The uptime of the machine, by which the clock of a state file continues; by default only without `now`. */
  readonly bootTime: () => BootTime | undefined;
  /** Waits in real time, for delays and outages. */
  readonly sleep: Clock['sleep'];
  readonly log: Logger;
  /** Reports lost lines of standard output and standard error. */
  readonly output: Pick<ProcessOutput, 'subscribe'>;
}

const sleepInRealTime: Clock['sleep'] = (ms, signal) => systemClock.sleep(ms, signal);
const NO_OUTPUT: MockNodeDeps['output'] = { subscribe: () => {} };

/**
 * Starts a mock node in this process.
 *
 * @param options the settings that differ from the defaults. `port: 0` picks a free port. Without a `controlPort` there
 *   is no control API; `controller` offers the same.
 * @throws ListenError, GenesisError, SettingsError, StateError
 */
export async function startMockNode(
  { faults = [], ...options }: MockNodeOptions = {},
  { now, bootTime, sleep = sleepInRealTime, log = silentLogger, output = NO_OUTPUT }: Partial<MockNodeDeps> = {},
): Promise<MockNode> {
  const config = { ...readConfig({ env: {} }), controlPort: undefined, ...options };
  checkGenesisSettings(SETTINGS, config);
  if (config.files !== undefined) await checkFolder(config.files);
  const genesis = await createGenesis(config);
  const state = openState(config, genesis);
  try {
    const time =
      now === undefined
        ? { now: () => systemClock.now(), bootTime: () => systemClock.bootTime() }
        : { now, bootTime: () => undefined };
    const deps = { ...time, ...(bootTime && { bootTime }), sleep, log, output, genesis, state };
    return await start({ config, faults }, deps);
  } catch (error) {
    state?.close();
    throw error;
  }
}

async function start(
  { config, faults }: { config: MockConfig; faults: readonly FaultInput[] },
  {
    now,
    bootTime,
    sleep,
    log,
    output,
    genesis,
    state,
  }: MockNodeDeps & { genesis: Genesis; state: StateFile | undefined },
): Promise<MockNode> {
  const stored = state?.load();
  const fixedSeed = config.seed ?? state?.seed;
  const random = new SeededRandom(fixedSeed ?? createSeed());
  const events = new ControllerEvents();
  const clock = new NodeClock(now, { scale: config.timeScale, snapshot: stored?.clock, bootTime });
  const journal = new Journal(config.journalSize);
  const { intervalMs, maxContracts, maxFailures, contractForm } = config;
  const runtimeConfig = new RuntimeConfig({ intervalMs, maxContracts, maxFailures, contractForm });
  checkScheme(config, stored?.heartbeat);
  const threads = new HeartbeatThreads();
  const heartbeat = new NodeHeartbeat(
    { scheme: config.scheme === 'merkle' ? 'Merkle' : 'Swizzle', checkFraction: config.checkFraction },
    { threads, random, store: state },
    stored?.heartbeat,
  );
  const ledger = new Ledger(
    () => runtimeConfig.current,
    {
      random,
      observer: {
        accepted: (hash) => events.emit({ type: 'contract', change: 'accepted', hash }),
        settled: (result, count, { hash, late }) =>
          events.emit({ type: 'challenge', result, count, hash, ...(late && { late }) }),
        proofRejected: (reason, hash) => events.emit({ type: 'proof', change: 'rejected', reason, hash }),
        ended: (reason, hash) => events.emit({ type: 'contract', change: 'ended', reason, hash }),
      },
      heartbeat,
      store: state,
    },
    stored?.ledger,
  );
  if (stored !== undefined) {
    const { farmers, contracts } = stored.ledger;
    log.info('state loaded', { file: config.statePath, farmers: farmers.length, contracts: contracts.length });
  }
  const preparedChunks = new PreparedChunks(
    {
      sizesBytes: config.chunkSizesBytes,
      stock: config.preparedChunks,
      challenges: config.challengesPerChunk,
    },
    { heartbeat, threads, random, created: () => ledger.created, now: () => clock.now(), log },
  );
  const plan = new FaultPlan({
    chance: (fault, index, what) => random.chance(fault, index, what),
    onChange: (change, name) => events.emit({ type: 'fault', change, name }),
  });
  const metrics = new MockMetrics(
    { build: BUILD },
    { contracts: () => ledger.countContracts(clock.now()), farmers: () => ledger.farmers, events },
  );
  output.subscribe({
    dropped: (lines) => metrics.linesDropped(lines),
    recovered: (lines) => log.warn('output lines dropped', { lines }),
  });
  const controller = new NodeController(
    { build: BUILD, scenarios: [...readScenarios(config), ...createStartScenario(faults)] },
    {
      random,
      // Nothing that was issued before the reset is issued again, unless the seed was given.
      createSeed: fixedSeed === undefined ? createSeed : () => fixedSeed,
      clock,
      config: runtimeConfig,
      ledger,
      resetHeartbeat: () => {
        heartbeat.reset();
        preparedChunks.reset();
      },
      faults: plan,
      journal,
      events,
      state: state && new MonitoredState(state, { log }),
    },
  );
  state?.save(clock.snapshot());

  const listener = new ApiListener({ host: config.host, port: config.port }, { log, sleep });
  events.subscribe((event) => {
    if (event.type === 'fault' && (event.change === 'changed' || event.change === 'removed'))
      listener.stopRefusing(event.name);
  });
  const recorder = new RequestRecorder({
    now: () => clock.now(),
    log,
    metrics,
    journal: (record) => events.emit({ type: 'request', request: journal.add(record) }),
  });
  const chunks = new ChunkFactory(genesis);
  const pipeline = new RequestPipeline({
    handlers: { ...prototypeHandlers, ...ownershipHandlers, ...v1Handlers, ...v1StatusHandlers },
    node: {
      ledger,
      newContracts: {
        reserve: (at) => ledger.reserveContract(at),
        generateChunk: async (secret) => await chunks.generate(secret),
      },
      chunks,
      heartbeat,
      preparedChunks,
      v1Policy: config,
      files: new OwnershipFiles(config.files, random),
      random,
      settings: () => runtimeConfig.current,
      now: () => clock.now(),
      timeScale: () => clock.rate.scale,
    },
    faults: plan,
    recorder,
    refuse: (ms, fault) => listener.refuse(ms, fault),
    sleep,
    save: () => controller.save(),
  });
  const isHealthy = () => controller.isStateWritable();
  const api = await listener.open(createApiApp(toAccess(config), { pipeline, recorder, metrics, log, isHealthy }));

  const closing = new AbortController();
  const control = await startControlServer(config, {
    controller,
    apiPort: api.port,
    metrics,
    log,
    isReady: () => !listener.isStuck && controller.isStateWritable(),
    closing: closing.signal,
    page: createPageRoutes(),
  }).catch(async (error: unknown) => {
    await listener.close();
    throw error;
  });
  return {
    url: api.url,
    port: api.port,
    controlUrl: control?.url,
    controlPort: control?.port,
    controller,
    close: async () => {
      closing.abort();
      await Promise.all([listener.close(), control?.close()]);
      preparedChunks.close();
      await threads.close();
      state?.close(clock.snapshot());
    },
  };
}

async function startControlServer(config: MockConfig, deps: ControlDeps): Promise<HttpServer | undefined> {
  const { host, controlPort } = config;
  if (controlPort === undefined) return undefined;
  return await listen(createControlApp(toAccess(config), deps), {
    host,
    port: controlPort,
    setting: 'MOCK_CONTROL_PORT',
  });
}

function toAccess({ host, controlToken, allowedHosts }: MockConfig): Access {
  return { token: controlToken, allowedHosts: [...allowedHosts, host.toLowerCase()] };
}

function createStartScenario(faults: readonly FaultInput[]): Scenario[] {
  if (faults.length === 0) return [];
  const scenario = { name: 'start', description: 'The faults that the node was started with.', faults };
  return [parseScenario(scenario, (problem) => `invalid fault in the start options: ${problem}`)];
}

function readScenarios({ preset, scenarioPath }: MockConfig): Scenario[] {
  const presets = PRESETS.filter(({ name }) => name === preset).map((each) => scenarioSchema.parse(each));
  return scenarioPath === undefined ? presets : [...presets, readScenarioFile(scenarioPath)];
}

function openState({ statePath, seed }: MockConfig, { sha256 }: Genesis): StateFile | undefined {
  return statePath === undefined ? undefined : StateFile.open(statePath, { seed, genesisSha256: sha256 });
}

/** Farmers keep the heartbeat of a scheme. @throws StateError */
function checkScheme({ scheme, statePath = '' }: MockConfig, stored: StoredHeartbeat | undefined): void {
  const found = stored?.scheme.toLowerCase() ?? scheme;
  if (found === scheme) return;
  throw new StateError(
    'other_scheme',
    `MOCK_STATE (${JSON.stringify(statePath)}) belongs to a node with the scheme ${found}, not ${scheme}: restore MOCK_SCHEME, or choose another file`,
  );
}

async function createGenesis({ genesisPath, genesisSha256 }: MockConfig): Promise<Genesis> {
  return genesisPath !== undefined && genesisSha256 !== undefined
    ? await loadGenesisFile(genesisPath, genesisSha256)
    : standardGenesis;
}
