import { computeBackoffMs } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import type { NodeErrorCode } from './errors.ts';
import type { NodeComponents } from './node-components.ts';
import type { ExitState, NodeContract } from './ports.ts';

type GracefulExitDeps = Pick<
  NodeComponents,
  'node' | 'contracts' | 'releaser' | 'remover' | 'exitStore' | 'clock' | 'random' | 'log'
>;

export interface ExitProgress {
  readonly state: ExitState;
  /** Contracts released by this process. */
  readonly released: number;
  /** Contracts still held. */
  readonly remaining: number;
  /** Whether contracts can be released. Otherwise they are proved until they end. */
  readonly canRelease: boolean;
  /** Why the last release failed; undefined if it succeeded. */
  readonly lastError: NodeErrorCode | undefined;
}

const POLL_MS = 1_000;
const RETRY = { baseMs: 1_000, capMs: 60_000 };

/**
 * Exits the node at the operator's request: releases each contract, then deletes its chunk. The remaining contracts are
 * still proved. The state is stored, so the exit continues after a restart. If the node's API has no releases, the
 * contracts are proved until they have had all their challenges.
 */
export class GracefulExit {
  readonly #deps: GracefulExitDeps;
  #queue: ContractId[] = [];
  #released = 0;
  #lastError: NodeErrorCode | undefined;

  constructor(deps: GracefulExitDeps) {
    this.#deps = deps;
  }

  get progress(): ExitProgress {
    const { node, exitStore, contracts } = this.#deps;
    return {
      state: exitStore.exitState(),
      released: this.#released,
      remaining: contracts.size,
      canRelease: node.traits.canRelease,
      lastError: this.#lastError,
    };
  }

  start(): ExitProgress {
    const { exitStore, contracts, log } = this.#deps;
    if (exitStore.exitState() === 'active') {
      exitStore.saveExitState('exiting');
      log.info('graceful exit started', { contracts: contracts.size });
    }
    return this.progress;
  }

  /** Contracts released so far stay released. New ones are accepted again. */
  cancel(): ExitProgress {
    const { exitStore, contracts, log } = this.#deps;
    if (exitStore.exitState() !== 'active') {
      exitStore.saveExitState('active');
      log.info('graceful exit cancelled', { contracts: contracts.size });
    }
    return this.progress;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { exitStore, contracts, clock, random } = this.#deps;
    for (let failures = 0; !signal.aborted; ) {
      const next = exitStore.exitState() === 'exiting' ? this.#next() : undefined;
      if (next === undefined) {
        if (exitStore.exitState() === 'exiting' && contracts.size === 0 && !contracts.isRequesting) this.#complete();
        await clock.sleep(POLL_MS, signal);
        continue;
      }
      failures = (await this.#releaseOne(next, signal)) ? 0 : failures + 1;
      if (failures > 0) await clock.sleep(computeBackoffMs(RETRY, failures, random), signal);
    }
  }

  /** Visits all contracts in turn, so that one that can't be released does not block the others. */
  #next(): NodeContract | undefined {
    const { node, contracts } = this.#deps;
    if (!node.traits.canRelease) return undefined;
    if (this.#queue.length === 0) this.#queue = contracts.ids();
    for (let id = this.#queue.shift(); id !== undefined; id = this.#queue.shift()) {
      const contract = contracts.get(id);
      if (contract !== undefined) return contract.terms;
    }
    return undefined;
  }

  /** If the state can't be stored, `run` tries again. */
  #complete(): void {
    const { exitStore, log } = this.#deps;
    try {
      exitStore.saveExitState('exited');
      log.info('graceful exit completed', { released: this.#released });
    } catch (error) {
      log.error('state write failed', { error });
    }
  }

  /**
   * A contract is kept after any failed release, even if the node says that it does not know it: if that is true, the
   * next listings confirm it.
   */
  async #releaseOne(contract: NodeContract, signal: AbortSignal): Promise<boolean> {
    const { releaser, remover } = this.#deps;
    const release = await releaser.release(contract, 'exit', signal);
    this.#lastError = release.result === 'failed' ? release.code : undefined;
    if (release.result === 'failed' || release.result === 'aborted') return false;
    await remover.end(contract.id, 'released');
    this.#released += 1;
    return true;
  }
}
