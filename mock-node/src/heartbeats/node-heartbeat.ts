import type { V1Scheme } from '@downstream/protocol';
import type { ProofVerdict } from '../ledger/heartbeat-contracts.ts';
import type { HeartbeatChallenges } from '../ledger/rounds.ts';
import type { SeededRandom } from '../ledger/seeded-random.ts';
import { type Heartbeat, openHeartbeat, type ProofToVerify, type StoredHeartbeat } from './heartbeat.ts';
import type { HeartbeatThreads } from './threads.ts';

export interface HeartbeatStore {
  setHeartbeat(heartbeat: StoredHeartbeat | undefined): void;
}

export interface NodeHeartbeatOptions {
  readonly scheme: V1Scheme;
  readonly checkFraction: number;
}

export interface NodeHeartbeatDeps {
  readonly threads: Pick<HeartbeatThreads, 'run'>;
  readonly random: SeededRandom;
  /** Undefined if the node keeps its state in memory only. */
  readonly store: HeartbeatStore | undefined;
}

interface Loaded {
  readonly stored: StoredHeartbeat;
  readonly opened: Heartbeat;
}

/**
 * The heartbeat that all v1 contracts of the node share. It is created when it is first needed, and stays the same
 * until the contracts are reset: farmers keep its public form.
 */
export class NodeHeartbeat implements HeartbeatChallenges {
  readonly #options: NodeHeartbeatOptions;
  readonly #deps: NodeHeartbeatDeps;
  #loaded: Loaded | undefined;
  #creating: Promise<Loaded> | undefined;

  /** @param stored of an earlier run of the node */
  constructor(options: NodeHeartbeatOptions, deps: NodeHeartbeatDeps, stored: StoredHeartbeat | undefined) {
    this.#options = options;
    this.#deps = deps;
    this.#loaded = stored && { stored, opened: openHeartbeat(stored) };
  }

  /** What a farmer gets with its token. */
  async getPublic(): Promise<{ type: V1Scheme; heartbeat: unknown }> {
    const { stored, opened } = await this.#load();
    return { type: stored.scheme, heartbeat: opened.publicJson };
  }

  async getPrivate(): Promise<StoredHeartbeat> {
    return (await this.#load()).stored;
  }

  next(
    state: string,
    { contract, round }: { contract: number; round: number },
  ): { challenge: string; state: string } | undefined {
    return this.#loaded?.opened.next(state, this.#deps.random.bytes('heartbeat challenge', contract, round));
  }

  /** The verdicts in the order of the proofs. */
  async verify(proofs: readonly ProofToVerify[]): Promise<readonly ProofVerdict[]> {
    if (proofs.length === 0) return [];
    return await this.#deps.threads.run({ kind: 'verify', heartbeat: await this.getPrivate(), proofs });
  }

  /** Forgets the heartbeat. The next one depends on the current seed. */
  reset(): void {
    this.#loaded = undefined;
    this.#creating = undefined;
    this.#deps.store?.setHeartbeat(undefined);
  }

  async #load(): Promise<Loaded> {
    if (this.#loaded !== undefined) return this.#loaded;
    this.#creating ??= this.#create();
    const creating = this.#creating;
    const loaded = await creating.catch((error: unknown) => {
      // The next call tries again.
      if (this.#creating === creating) this.#creating = undefined;
      throw error;
    });
    // After a reset, another one is being created.
    if (this.#creating !== creating) return await this.#load();
    if (this.#loaded === undefined) this.#deps.store?.setHeartbeat(loaded.stored);
    this.#loaded = loaded;
    return loaded;
  }

  async #create(): Promise<Loaded> {
    const { threads, random } = this.#deps;
    const stored = await threads.run({ kind: 'create', ...this.#options, nodeSeed: random.seed });
    return { stored, opened: openHeartbeat(stored) };
  }
}
