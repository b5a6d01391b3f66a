import { type Clock, computeBackoffMs, type Logger, type Random } from '@downstream/platform';
import type { ContractId, Terms } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';
import { NodeError } from './errors.ts';
import type { ExitStorePort, FreeSpacePort, NodePort } from './ports.ts';
import type { Session } from './session.ts';
import type { NodeThroughput } from './throughput-estimator.ts';
import type { WorkQueue } from './work-queue.ts';

interface ContractAcceptorDeps {
  readonly node: Pick<NodePort, 'requestContract'>;
  readonly session: Session;
  readonly contracts: ContractTable;
  readonly chunkWork: WorkQueue;
  readonly room: FreeSpacePort;
  readonly pace: NodeThroughput;
  readonly leaving: Pick<ExitStorePort, 'leaving'>;
  /** Chunks that are being made for all nodes together. */
  readonly countGenerating: () => number;
  /** Whether any node's contract has this chunk. */
  readonly isHeld: (id: ContractId) => boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const POLL_MS = 1_000;
const PAUSE = { baseMs: 1_000, capMs: 30_000 };

/**
 * Takes contracts until the capacity is used, and replaces those that ended. Takes no more than it is making chunks
 * for, so that a full disk or a slow machine stops it by itself; pauses, longer each time, after a node has
 * nothing, fails, or offers what had to be refused; takes none that could not be stored, or not be proved in time.
 */
export class ContractAcceptor {
  readonly #most: number;
  readonly #deps: ContractAcceptorDeps;
  #isAsking = false;

  /** @param maxGenerating how many chunks may be in the making at once */
  constructor({ maxGenerating }: { maxGenerating: number }, parts: ContractAcceptorDeps) {
    this.#most = maxGenerating;
    this.#deps = parts;
  }

  /** Whether a contract is asked for: the node may have it on our account before we know of it. */
  get isAsking(): boolean {
    return this.#isAsking;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { contracts, chunkWork, clock, random } = this.#deps;
    for (let fruitless = 0; !signal.aborted; ) {
      await chunkWork.waitForSizeBelow(this.#most);
      if (!this.#wantsMore()) {
        await clock.sleep(POLL_MS, signal);
        continue;
      }
      const { taken, retryAfterMs = 0 } = await this.#acceptOne(signal);
      fruitless = taken ? 0 : fruitless + 1;
      const pauses = Math.max(fruitless, contracts.consecutiveRejections);
      if (pauses > 0) await clock.sleep(Math.max(computeBackoffMs(PAUSE, pauses, random), retryAfterMs), signal);
    }
  }

  /** More contracts are taken only where they can be stored, and proved in time beside those that are held. */
  #wantsMore(): boolean {
    const { contracts, room, pace, leaving, countGenerating } = this.#deps;
    return (
      leaving.leaving() === 'no' &&
      contracts.wanted > 0 &&
      contracts.phases.generating < this.#most &&
      room.chunks > countGenerating() &&
      pace.hasCapacity
    );
  }

  async #acceptOne(signal: AbortSignal): Promise<{ taken: boolean; retryAfterMs?: number | undefined }> {
    const { node, session, contracts, isHeld, clock, log } = this.#deps;
    const { token } = session;
    if (token === undefined) return { taken: false };
    try {
      const acceptedAt = clock.now();
      this.#isAsking = true;
      const offer = await node.requestContract(token, { signal });
      if (offer === undefined) {
        log.debug('the node has no contract to give');
        return { taken: false };
      }
      // It is on an account that is not ours any more.
      if (session.token !== token) return { taken: false };
      session.resetDenials();
      const { id, source, intervalMs, challenge } = offer;
      if (isHeld(id)) {
        contracts.rejectDuplicate(id);
        return { taken: false };
      }
      return { taken: this.#keep({ id, source, intervalMs, acceptedAt }, challenge) };
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      log.warn('no contract from the node', { error });
      return { taken: false, retryAfterMs: error.retryAfterMs };
    } finally {
      this.#isAsking = false;
    }
  }

  /** A contract that can't be written down is not farmed: the node's next listings show it, and it is given back. */
  #keep(terms: Terms, challenge: string): boolean {
    const { contracts, log } = this.#deps;
    try {
      contracts.add(terms, challenge);
      log.debug('contract taken', { contract: terms.id, intervalMs: terms.intervalMs });
      return true;
    } catch (error) {
      log.error('contract not taken: the state could not be written', { contract: terms.id, error });
      return false;
    }
  }
}
