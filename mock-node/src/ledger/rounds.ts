import type { Contract, EndReason } from './contract.ts';
import { CONTRACT_RULES } from './contract-rules.ts';
import { SeededRandom } from './seeded-random.ts';

/** Draws the challenges of heartbeat contracts. */
export interface HeartbeatChallenges {
  /** @returns the challenge after `state` as JSON, and the state after it; undefined if there are no more challenges */
  next(
    state: string,
    round: { readonly contract: number; readonly round: number },
  ): { readonly challenge: string; readonly state: string } | undefined;
}

/** What has happened to a contract since it was last looked at. */
export interface RoundChange {
  /** Missed challenges that count. */
  readonly missed: number;
  /** Whether a new challenge was opened. */
  readonly opened: boolean;
  /** Why the contract has ended; undefined if it runs. */
  readonly ended: EndReason | undefined;
}

export interface RoundOptions {
  /** Consecutive failed challenges that end a contract, unless its rules say otherwise. */
  readonly maxFailures: number;
}

/** Moves contracts through their rounds. Changes nothing else. */
export class Rounds {
  readonly #options: () => RoundOptions;
  readonly #heartbeat: HeartbeatChallenges | undefined;

  /** @param heartbeat undefined if there are no heartbeat contracts */
  constructor(options: () => RoundOptions, heartbeat: HeartbeatChallenges | undefined) {
    this.#options = options;
    this.#heartbeat = heartbeat;
  }

  /** Moves a contract to the current round, and adds missed challenges to its consecutive failures. */
  advance(contract: Contract, now: number): RoundChange {
    const { opensOnRequest, maxFailures = this.#options().maxFailures } = CONTRACT_RULES[contract.proof.kind];
    const round = getRoundAt(contract, now);
    const unanswered = round - contract.round - (contract.settled === undefined ? 0 : 1);
    if (unanswered > 0 && this.#isComplete(contract)) return { missed: 0, opened: false, ended: 'completed' };
    const missed = Math.max(0, Math.min(unanswered, maxFailures - contract.consecutiveFailures));
    contract.consecutiveFailures += missed;
    const opened = round > contract.round && !opensOnRequest && this.open(contract, round);
    return { missed, opened, ended: contract.consecutiveFailures < maxFailures ? undefined : 'failed' };
  }

  /** Opens the challenge of a round. @returns false if there are no more challenges */
  open(contract: Contract, round: number): boolean {
    const { index, proof } = contract;
    if (proof.kind === 'digest') contract.challenge = drawChallenge({ ...proof, index }, round);
    else {
      const next = this.draw(proof.state, { contract: index, round });
      if (next === undefined) return false;
      contract.challenge = next.challenge;
      proof.state = next.state;
    }
    contract.round = round;
    contract.settled = undefined;
    return true;
  }

  /** The challenge of a heartbeat contract after `state`; undefined if there are no more challenges. */
  draw(...args: Parameters<HeartbeatChallenges['next']>): ReturnType<HeartbeatChallenges['next']> {
    return this.#heartbeat?.next(...args);
  }

  /** Whether the last of all challenges was answered. */
  #isComplete({ index, proof, round, settled }: Contract): boolean {
    if (proof.kind === 'digest' || settled === undefined) return false;
    return this.draw(proof.state, { contract: index, round: round + 1 }) === undefined;
  }
}

export function getRoundAt({ startedAt, intervalMs }: Contract, now: number): number {
  return Math.floor((now - startedAt) / intervalMs);
}

/** A contract keeps the seed that it was issued with, because the node may have another one after a restart. */
export function drawChallenge({ seed, index }: { seed: string; index: number }, round: number): string {
  return new SeededRandom(seed).challenge(index, round);
}
