import { randomInt } from 'node:crypto';
import type { MockNode, startMockNode } from '@downstream/mock-node';
import type { NodeApi } from '../../farmer/src/farming/ports.ts';
import { CHUNK_BYTES, TestFarm } from '../support/test-farm.ts';
import type { ObservedFarmer, StartFarmer } from './environments.ts';

type NodeOptions = Parameters<typeof startMockNode>[0];

/** A node and a farmer. */
export interface Pair<E> {
  readonly farm: TestFarm;
  readonly node: MockNode;
  readonly farmer: ObservedFarmer;
  readonly api: NodeApi;
  /** What a trial can break around the farmer. */
  readonly environment: E;
}

/** The capacity of a test farmer in contracts. */
export const CONTRACTS = 5;

/** Below the ephemeral ports, so that no process gets the port of a node while it refuses connections. */
let lastPort = randomInt(10_000, 30_000);
/** Pairs start one after the other, so that they do not disturb each other and running trials. */
let lastStart: Promise<unknown> = Promise.resolve();

/**
 * Pairs of a node and a farmer in one kind of environment, for concurrent trials. A pair is reused after a successful
 * trial, so that most trials run on a farmer with a history.
 */
export class FarmPool<E> implements AsyncDisposable {
  readonly #startFarmer: StartFarmer<E>;
  readonly #api: NodeApi;
  readonly #idle = new Map<string, Pair<E>[]>();

  constructor(startFarmer: StartFarmer<E>, { api = 'prototype' as NodeApi } = {}) {
    this.#startFarmer = startFarmer;
    this.#api = api;
  }

  /** Uses an idle pair, or a new one after `settle`. */
  async use<T>(
    options: NodeOptions,
    settle: (pair: Pair<E>) => Promise<void>,
    work: (pair: Pair<E>) => Promise<T>,
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
    work: (pair: Pair<E>) => Promise<T>,
  ): Promise<T> {
    const pair = await this.#start(options, prepare);
    await using _ = pair.farm;
    return await work(pair);
  }

  async #start(options: NodeOptions, prepare: (node: MockNode) => void = () => {}): Promise<Pair<E>> {
    const start = async () => {
      const farm = new TestFarm();
      lastPort += 1;
      const node = await farm.startNode({ port: lastPort, chunkSizesBytes: [CHUNK_BYTES], ...options });
      prepare(node);
      return { farm, node, api: this.#api, ...(await this.#startFarmer(farm, node)) };
    };
    const pair = lastStart.then(start, start);
    lastStart = pair;
    return await pair;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pairs = [...this.#idle.values()].flat();
    await Promise.all(pairs.map(async ({ farm }) => await farm[Symbol.asyncDispose]()));
  }
}
