import { randomInt } from 'node:crypto';
import type { MockNode, startMockNode } from '@downstream/mock-node';
import { TestFarm, type TestFarmer } from '../support/test-farm.ts';

type NodeOptions = Parameters<typeof startMockNode>[0];

/** A node, and a farmer with room for some contracts. */
export interface Pair {
  readonly farm: TestFarm;
  readonly node: MockNode;
  readonly farmer: TestFarmer;
}

/** What a test farmer has room for. */
export const CONTRACTS = 5;

/** Below what systems give to whoever asks for any port: while a node refuses connections, nobody gets the one it had. */
let lastPort = randomInt(10_000, 30_000);

/**
 * Nodes and farmers to try things on, as many as are used at once: a pair that came through well serves again. So each
 * trial stands on its own, and most find a farmer that has been through others.
 */
export class FarmPool implements AsyncDisposable {
  readonly #idle = new Map<string, Pair[]>();
  #started: Promise<unknown> = Promise.resolve();

  /** With a pair that may have been through other trials, or else a new one that `settle` has waited for. */
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

  /** With a pair of its own; `prepare` meets the node before the farmer does. */
  async useNew<T>(
    options: NodeOptions,
    prepare: (node: MockNode) => void,
    work: (pair: Pair) => Promise<T>,
  ): Promise<T> {
    const pair = await this.#start(options, prepare);
    await using _ = pair.farm;
    return await work(pair);
  }

  /** One after the other: all at once they would keep each other, and those that farm already, from their work. */
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
  const node = await farm.node({ intervalMs: 5_000, port: lastPort, ...options });
  prepare(node);
  return { farm, node, farmer: await farm.farmer(node.url, { FARMER_POLL_INTERVAL: '250ms' }) };
}
