import { type FaultInput, type Scenario, scenario as scenarioSchema } from '@downstream/control-api';
import { type HttpServer, type Logger, listen, silentLogger } from '@downstream/platform';
import { createApiApp } from './api/api-app.ts';
import { ApiListener } from './api/api-listener.ts';
import { RequestRecorder } from './api/recorder.ts';
import { RequestPipeline } from './api/request-pipeline.ts';
import { ChunkFactory } from './chunks/chunk-factory.ts';
import { type Genesis, loadGenesisFile, standardGenesis } from './chunks/genesis.ts';
import { NodeClock } from './clock/node-clock.ts';
import { consistent, type MockConfig, readConfig } from './config.ts';
import { type ControlDeps, createControlApp } from './control/control-app.ts';
import { ControllerEvents, NodeController } from './controller.ts';
import { FaultPlan } from './faults/fault-plan.ts';
import { PRESETS } from './faults/presets.ts';
import { parseScenario, readScenarioFile } from './faults/scenario-file.ts';
import { Journal } from './journal/journal.ts';
import { Ledger, type LedgerObserver } from './ledger/ledger.ts';
import { SeededRandom } from './ledger/seeded-random.ts';
import { MockMetrics } from './metrics.ts';
import { checkFolder, OwnershipFiles } from './ownership/files.ts';
import { createPageRoutes } from './page/page.ts';
import { createOwnershipRoutes } from './routes/ownership.ts';
import { createPrototypeRoutes } from './routes/prototype.ts';
import { StateFile } from './state/state-file.ts';
import { VERSION } from './version.ts';

/** A mock node that listens. */
export interface MockNode {
  readonly url: string;
  readonly port: number;
  /** Where the control API and the page are; undefined where they are off. */
  readonly controlUrl: string | undefined;
  readonly controlPort: number | undefined;
  /** Everything that can be looked at and changed while it runs, without HTTP. */
  readonly controller: NodeController;
  close(): Promise<void>;
}

/** What differs from the defaults. */
export interface MockNodeOptions extends Partial<MockConfig> {
  /** After those of the preset and of the scenario file. */
  readonly faults?: readonly FaultInput[];
}

interface MockNodeDeps {
  /** Real time, in milliseconds since the Unix epoch: the node's clock is made from it. */
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Starts a mock node in this process.
 *
 * @param options what differs from the defaults; `port: 0` takes any free port; without a `controlPort` there is no
 *   control API, but `controller` has all of it
 * @param parts `now`: real time, in milliseconds; `log`: nowhere without
 * @throws ListenError, GenesisError, SettingsError, StateError
 */
export async function startMockNode(
  { faults = [], ...options }: MockNodeOptions = {},
  { now = Date.now, log = silentLogger }: Partial<MockNodeDeps> = {},
): Promise<MockNode> {
  const config = consistent({ ...readConfig({ env: {} }), controlPort: undefined, ...options });
  if (config.files !== undefined) await checkFolder(config.files);
  const genesis = createGenesis(config);
  const state = getState(config, genesis);
  try {
    return await start({ config, faults }, { now, log, genesis, state });
  } catch (error) {
    state?.close();
    throw error;
  }
}

async function start(
  { config, faults }: { config: MockConfig; faults: readonly FaultInput[] },
  { now, log, genesis, state }: MockNodeDeps & { genesis: Genesis; state: StateFile | undefined },
): Promise<MockNode> {
  const kept = state?.load();
  const events = new ControllerEvents();
  const draws = new SeededRandom(config.seed);
  const clock = new NodeClock(now, { scale: config.timeScale, mark: kept?.clock });
  const observer: LedgerObserver = {
    taken: (hash) => events.emit({ type: 'contract', change: 'taken', hash }),
    settled: (result, count, hash) => events.emit({ type: 'challenge', result, count, hash }),
    ended: (reason, hash) => events.emit({ type: 'contract', change: 'ended', reason, hash }),
  };
  // The settings are the controller's, which holds the ledger: they are asked for when the controller is there.
  const settings = () => controller.config;
  const ledger = new Ledger(settings, { draws, observer, store: state }, kept?.ledger);
  const plan = new FaultPlan({
    chance: (fault, index, what) => draws.chance(fault, index, what),
    onChange: (change, name) => events.emit({ type: 'fault', change, name }),
  });
  const metrics = new MockMetrics(
    { version: VERSION },
    { contracts: () => ledger.counts(clock.now()), farmers: () => ledger.farmers },
  );
  metrics.listenTo(events);
  const { intervalMs, maxContracts, maxFailures, contractForm } = config;
  const controller: NodeController = new NodeController(
    {
      version: VERSION,
      seed: config.seed,
      config: { intervalMs, maxContracts, maxFailures, contractForm },
      scenarios: [...readScenarios(config), ...createStartScenario(faults)],
    },
    { clock, ledger, faults: plan, journal: new Journal(config.journalSize), events, state },
  );

  if (kept !== undefined) {
    const { farmers, contracts } = kept.ledger;
    log.info('state read', { farmers: farmers.length, contracts: contracts.length });
  }
  state?.save(clock.mark);

  const recorder = new RequestRecorder({
    now: () => clock.now(),
    log,
    metrics,
    journal: (recorded) => events.emit({ type: 'request', request: controller.journal.add(recorded) }),
  });
  const refusal = new ApiListener(log);
  events.listen((event) => {
    if (event.type === 'fault' && (event.change === 'changed' || event.change === 'removed'))
      refusal.endFor(event.name);
  });
  const timeScale = () => clock.pace.scale;
  const exchange = new RequestPipeline({
    ledger,
    faults: plan,
    recorder,
    now: () => clock.now(),
    timeScale,
    seed: config.seed,
    refuse: (ms, fault) => refusal.begin(ms, fault),
    save: () => controller.save(),
  });
  const minter = new ChunkFactory(genesis);
  const routes = [
    ...createPrototypeRoutes({
      ledger,
      minter,
      settings,
      lies: draws,
      now: () => clock.now(),
      timeScale,
    }),
    ...createOwnershipRoutes(new OwnershipFiles(config.files, draws)),
  ];
  const api = await listen(createApiApp({ routes, exchange, recorder, metrics, log }), {
    host: config.host,
    port: config.port,
    setting: 'MOCK_PORT',
  });
  refusal.of(api);
  controller.apiPort = api.port;
  const closing = new AbortController();
  const ready = () => !refusal.isStuck;
  const parts = { controller, metrics, log, ready, closing: closing.signal, page: createPageRoutes() };
  const control = await startControlServer(config, parts).catch(async (error: unknown) => {
    await api.close();
    throw error;
  });
  return {
    url: api.url,
    port: api.port,
    controlUrl: control?.url,
    controlPort: control?.port,
    controller,
    close: async () => {
      refusal.stop();
      closing.abort();
      await Promise.all([api.close(), control?.close()]);
      state?.close(clock.mark);
    },
  };
}

async function startControlServer(
  { host, controlPort, controlToken }: MockConfig,
  parts: ControlDeps,
): Promise<HttpServer | undefined> {
  if (controlPort === undefined) return undefined;
  return await listen(createControlApp({ token: controlToken }, parts), {
    host,
    port: controlPort,
    setting: 'MOCK_CONTROL_PORT',
  });
}

function createStartScenario(faults: readonly FaultInput[]): Scenario[] {
  if (faults.length === 0) return [];
  const given = { name: 'start', description: 'The faults that the node was started with.', faults };
  return [parseScenario(given, (what) => `a fault given at the start is wrong: ${what}`)];
}

function readScenarios({ preset, scenarioPath }: MockConfig): Scenario[] {
  const presets = PRESETS.filter(({ name }) => name === preset).map((each) => scenarioSchema.parse(each));
  return scenarioPath === undefined ? presets : [...presets, readScenarioFile(scenarioPath)];
}

function getState({ statePath, seed }: MockConfig, { sha256 }: Genesis): StateFile | undefined {
  return statePath === undefined ? undefined : StateFile.open(statePath, { seed, genesisSha256: sha256 });
}

function createGenesis({ genesisPath, genesisSha256 }: MockConfig): Genesis {
  return genesisPath !== undefined && genesisSha256 !== undefined
    ? loadGenesisFile(genesisPath, genesisSha256)
    : standardGenesis;
}
