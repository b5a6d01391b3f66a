import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isReady, listFarmers, type NodeView, readNodeView } from './node-status.ts';
import type { FarmerOption, NodeOption, Options } from './options.ts';
import { Program } from './program.ts';

export interface FarmerResult {
  readonly farmer: Program;
  /** What each node has counted for it. Without nodes that have no v1 API. */
  readonly views: readonly { readonly node: string; readonly view: NodeView }[];
}

interface Running<Option> {
  readonly option: Option;
  readonly program: Program;
}

const NODE_START_TIMEOUT_MS = 10 * 60_000;
const REGISTRATION_TIMEOUT_MS = 60_000;
const POLL_INTERVAL_MS = 250;

/** Nodes and farmers that run side by side. */
export class InteropRun {
  readonly #minutes: number | undefined;
  readonly #nodes: readonly Running<NodeOption>[];
  readonly #farmers: readonly Running<FarmerOption>[];
  readonly #log: (text: string) => void;
  /** The ids of all farmers that nodes have registered. */
  readonly #knownIds = new Set<string>();

  constructor({ nodes, farmers, minutes }: Options, { folder, log }: { folder: string; log: (text: string) => void }) {
    this.#minutes = minutes;
    this.#nodes = nodes.map((option) => ({ option, program: new Program(option, folder) }));
    this.#farmers = farmers.map((option) => ({ option, program: new Program(option, folder) }));
    this.#log = log;
  }

  /**
   * Runs until the time is over, or until all farmers have exited. Leaves nodes and running farmers to {@link stop}.
   *
   * @throws Error if a node does not become ready
   */
  async run(interrupted: AbortSignal): Promise<FarmerResult[]> {
    await Promise.all(this.#nodes.map((node) => this.#startNode(node, interrupted)));
    const over = this.#minutes === undefined ? [] : [AbortSignal.timeout(this.#minutes * 60_000)];
    const end = AbortSignal.any([interrupted, ...over]);
    const results: Promise<FarmerResult>[] = [];
    for (const farmer of this.#farmers) {
      // One after the other, because a node does not say which of its farmers is which program.
      const ids = await this.#startFarmer(farmer, interrupted);
      results.push(this.#supervise(farmer, ids, end));
    }
    return await Promise.all(results);
  }

  /** Ends everything that is running. */
  async stop(): Promise<void> {
    await Promise.all(this.#farmers.map(({ program }) => program.stop()));
    await Promise.all(this.#nodes.map(({ program }) => program.stop()));
  }

  async #startNode({ option: { name, url }, program }: Running<NodeOption>, signal: AbortSignal): Promise<void> {
    if (await isReady(url)) throw new Error(`node ${name} cannot start: a server is already running at ${url}`);
    const startedAt = performance.now();
    program.start();
    while (!(await isReady(url))) {
      const isLate = performance.now() - startedAt > NODE_START_TIMEOUT_MS;
      if (!program.isRunning || isLate) throw new Error(`node ${name} did not start: see ${program.logPath}`);
      await sleep(POLL_INTERVAL_MS, undefined, { signal });
    }
    this.#log(`node ${name} ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  }

  /** @returns the id that each node of the farmer has given it */
  async #startFarmer(
    { option, program }: Running<FarmerOption>,
    signal: AbortSignal,
  ): Promise<Map<NodeOption, string>> {
    const ids = new Map<NodeOption, string>();
    const nodes = this.#nodes.filter(({ option: { url } }) => option.command.includes(url));
    const startedAt = performance.now();
    program.start();
    this.#log(`farmer ${option.name} started`);
    for (const { option: node } of nodes) {
      while (performance.now() - startedAt < REGISTRATION_TIMEOUT_MS) {
        const listed = await listFarmers(node.url);
        const id = listed?.find((each) => !this.#knownIds.has(each));
        if (id !== undefined) {
          ids.set(node, id);
          this.#knownIds.add(id);
        }
        if (listed === undefined || id !== undefined || !program.isRunning) break;
        await sleep(POLL_INTERVAL_MS, undefined, { signal });
      }
    }
    return ids;
  }

  /** Kills and restarts a farmer as planned until it exits by itself or the run is over. */
  async #supervise(
    { option, program }: Running<FarmerOption>,
    ids: ReadonlyMap<NodeOption, string>,
    end: AbortSignal,
  ): Promise<FarmerResult> {
    const startedAt = performance.now();
    const over = onceAborted(end);
    for (const minutes of option.killAtMinutes) {
      const wait = sleep(Math.max(0, minutes * 60_000 - (performance.now() - startedAt)), undefined, { signal: end });
      await Promise.race([wait.catch(() => {}), program.exit]);
      if (end.aborted || !program.isRunning) break;
      await program.kill();
      program.start();
      this.#log(`farmer ${option.name} killed and restarted`);
    }
    await Promise.race([over, program.exit]);
    if (!program.isRunning) this.#log(`farmer ${option.name} exited with ${program.result}`);
    const views = [...ids].map(async ([{ name, url }, id]) => ({ node: name, view: await readNodeView(url, id) }));
    return { farmer: program, views: await Promise.all(views) };
  }
}

async function onceAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
