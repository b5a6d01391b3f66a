import { randomInt } from 'node:crypto';
import type { MockNode, startMockNode } from '@downstream/mock-node';
import { TestFarm, type TestFarmer } from '../support/test-farm.ts';

type NodeOptions = Parameters<typeof startMockNode>[0];

/** A node and a farmer. */
export interface Pair {
  readonly farm: TestFarm;
  readonly node: MockNode;
  readonly farmer: TestFarmer;
}

/** The capacity of a test farmer in contracts. */
export const CONTRACTS = 5;

/** Below the ephemeral ports, so that no process gets the port of a node while it refuses connections. */
let lastPort = randomInt(10_000, 30_000);

/**
 * Pairs of a node and a farmer for concurrent trials. A pair is reused after a successful trial, so that most trials
 * run on a farmer with a history.
 */
export class FarmPool implements AsyncDisposable {
  readonly #idle = new Map<string, Pair[]>();
  #started: Promise<unknown> = Promise.resolve();

  /** Uses an idle pair, or a new one after `settle`. */
  async use<T>(
    options: NodeOptions,
    settle: (pair: Pair) => Promise<void>,
    work: (pair: Pair) => Promise<T>,
  ): Promise<T> {
    const key = JSON.stringify(options);
    const known = this.#idle.get(key)?.pop();
    const pair = known ?? (await this.#start(options));
    try {
      if (known === undefined) await settle(pair);
      const result = await work(pair);
      this.#idle.set(key, [...(this.#idle.get(key) ?? []), pair]);
      return result;
    } catch (error) {
      await pair.farm[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Uses a separate pair. `prepare` is called before the farmer starts. */
  async useNew<T>(
    options: NodeOptions,
    prepare: (node: MockNode) => void,
    work: (pair: Pair) => Promise<T>,
  ): Promise<T> {
    const pair = await this.#start(options, prepare);
    await using _ = pair.farm;
    return await work(pair);
  }

  /** Starts pairs one after the other, so that they do not disturb each other and running trials. */
  async #start(options: NodeOptions, prepare?: (node: MockNode) => void): Promise<Pair> {
    const start = async () => await startPair(options, prepare);
    const pair = this.#started.then(start, start);
    this.#started = pair;
    return await pair;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pairs = [...this.#idle.values()].flat();
    await Promise.all(pairs.map(async ({ farm }) => await farm[Symbol.asyncDispose]()));
  }
}

async function startPair(options: NodeOptions, prepare: (node: MockNode) => void = () => {}): Promise<Pair> {
  const farm = new TestFarm();
  lastPort += 1;
  const node = await farm.startNode({ intervalMs: 5_000, port: lastPort, ...options });
  prepare(node);
  return { farm, node, farmer: await farm.startFarmer(node.url, { FARMER_POLL_INTERVAL: '250ms' }) };
}
