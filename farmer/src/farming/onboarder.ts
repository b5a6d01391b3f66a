import { backoffMs, type Clock, type Logger, type Rng } from '@downstream/platform';
import type { ContractId, Terms } from '../contract/contract.ts';
import { NodeError } from './errors.ts';
import type { Farm } from './farm.ts';
import type { NodePace } from './pace.ts';
import type { LeavingStorePort, NodePort, RoomPort } from './ports.ts';
import type { Session } from './session.ts';
import type { WorkQueue } from './work-queue.ts';

interface OnboarderParts {
  readonly node: Pick<NodePort, 'takeContract'>;
  readonly session: Session;
  readonly farm: Farm;
  readonly chunkWork: WorkQueue;
  readonly room: RoomPort;
  readonly pace: NodePace;
  readonly leaving: Pick<LeavingStorePort, 'leaving'>;
  /** Chunks that are being made for all nodes together. */
  readonly inTheMaking: () => number;
  /** Whether any node's contract has this chunk. */
  readonly isHeld: (id: ContractId) => boolean;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

const LOOK_AGAIN_MS = 1_000;
const PAUSE = { baseMs: 1_000, capMs: 30_000 };

/**
 * Takes contracts until the capacity is used, and replaces those that ended. Takes no more than it is making chunks
 * for, so that a full disk or a slow machine stops it by itself; pauses, longer each time, after a node has
 * nothing, fails, or offers what had to be refused; takes none that could not be stored, or not be proved in time.
 */
export class Onboarder {
  readonly #most: number;
  readonly #parts: OnboarderParts;
  #isAsking = false;

  /** @param mostInTheMaking how many chunks may be in the making at once */
  constructor({ mostInTheMaking }: { mostInTheMaking: number }, parts: OnboarderParts) {
    this.#most = mostInTheMaking;
    this.#parts = parts;
  }

  /** Whether a contract is asked for: the node may have it on our account before we know of it. */
  get isAsking(): boolean {
    return this.#isAsking;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { farm, chunkWork, clock, rng } = this.#parts;
    for (let fruitless = 0; !signal.aborted; ) {
      await chunkWork.sizeBelow(this.#most);
      if (!this.#wantsMore()) {
        await clock.sleep(LOOK_AGAIN_MS, signal);
        continue;
      }
      const { taken, retryAfterMs = 0 } = await this.#takeOne(signal);
      fruitless = taken ? 0 : fruitless + 1;
      const pauses = Math.max(fruitless, farm.refusalsInARow);
      if (pauses > 0) await clock.sleep(Math.max(backoffMs(PAUSE, pauses, rng), retryAfterMs), signal);
    }
  }

  /** More contracts are taken only where they can be stored, and proved in time beside those that are held. */
  #wantsMore(): boolean {
    const { farm, room, pace, leaving, inTheMaking } = this.#parts;
    return (
      leaving.leaving() === 'no' &&
      farm.wanted > 0 &&
      farm.phases.generating < this.#most &&
      room.chunks > inTheMaking() &&
      pace.admitsMore
    );
  }

  async #takeOne(signal: AbortSignal): Promise<{ taken: boolean; retryAfterMs?: number | undefined }> {
    const { node, session, farm, isHeld, clock, log } = this.#parts;
    const { token } = session;
    if (token === undefined) return { taken: false };
    try {
      const takenAt = clock.now();
      this.#isAsking = true;
      const offer = await node.takeContract(token, { signal });
      if (offer === undefined) {
        log.debug('the node has no contract to give');
        return { taken: false };
      }
      // It is on an account that is not ours any more.
      if (session.token !== token) return { taken: false };
      session.notDenied();
      const { id, source, intervalMs, challenge } = offer;
      if (isHeld(id)) {
        farm.refuseDuplicate(id);
        return { taken: false };
      }
      return { taken: this.#keep({ id, source, intervalMs, takenAt }, challenge) };
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
    const { farm, log } = this.#parts;
    try {
      farm.add(terms, challenge);
      log.debug('contract taken', { contract: terms.id, intervalMs: terms.intervalMs });
      return true;
    } catch (error) {
      log.error('contract not taken: the state could not be written', { contract: terms.id, error });
      return false;
    }
  }
}
