import type { Draws } from './draws.ts';

/** What verifies answers on one chunk, without the chunk. */
interface Verifier {
  response(challenge: string): string;
}

/** A chunk that a contract is to be made on. */
export interface Chunk {
  readonly fileHash: string;
  readonly secret: string;
  readonly verifier: Verifier;
}

/** How challenges come out: each is a label of `mock_node_challenges_total`. */
export const CHALLENGE_RESULTS = ['passed', 'wrong', 'unanswered'] as const;
export type ChallengeResult = (typeof CHALLENGE_RESULTS)[number];

export interface LedgerOptions {
  readonly intervalMs: number;
  /** Contracts running at once, over all farmers. */
  readonly maxContracts: number;
  /** So many failures in a row end a contract. */
  readonly maxFailures: number;
}

interface Contract {
  readonly index: number;
  readonly chunk: Chunk;
  readonly startedAt: number;
  round: number;
  challenge: string;
  /** The first answer of this round, which settled it. */
  settled?: { readonly response: string; readonly passed: boolean };
  failuresInARow: number;
}

/**
 * Who owes which answer when. Pure bookkeeping: time comes in with each call, and nothing happens between calls, so ten
 * thousand contracts cost nothing while nobody asks. A contract taken at t0 has challenge number n open from t0 + n·interval
 * until t0 + (n+1)·interval; the first answer settles it.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #draws: Draws;
  readonly #onResult: (result: ChallengeResult, count: number) => void;
  readonly #farmers = new Map<string, Map<string, Contract>>();
  #contractsMade = 0;
  #running = 0;

  constructor(
    options: LedgerOptions,
    { draws, onResult }: { draws: Draws; onResult: (result: ChallengeResult, count: number) => void },
  ) {
    this.#options = options;
    this.#draws = draws;
    this.#onResult = onResult;
  }

  /** Contracts running. */
  get running(): number {
    return this.#running;
  }

  /** Farmers registered. */
  get farmers(): number {
    return this.#farmers.size;
  }

  /** A new farmer's token. */
  register(): string {
    const token = this.#draws.token(this.#farmers.size);
    this.#farmers.set(token, new Map());
    return token;
  }

  knows(token: string): boolean {
    return this.#farmers.has(token);
  }

  /**
   * The secret of the next contract, which is spoken for from now on.
   *
   * @returns undefined where there is none to give
   */
  nextSecret(now: number): { index: number; secret: string } | undefined {
    // Farmers that went away never ask again: what they left behind has to be found before a place is denied.
    if (this.#running >= this.#options.maxContracts) this.catchUp(now);
    if (this.#running >= this.#options.maxContracts) return undefined;
    this.#running += 1;
    const index = this.#contractsMade++;
    return { index, secret: this.#draws.secret(index) };
  }

  /** Gives a place that {@link nextSecret} took back: no contract came of it. */
  abandon(): void {
    this.#running -= 1;
  }

  /**
   * Starts the contract on a chunk whose secret was taken, and returns its first challenge. Should the farmer have one on
   * the same chunk, the new one takes its place.
   */
  start(token: string, index: number, chunk: Chunk, now: number): string {
    const challenge = this.#draws.challenge(index, 0);
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) throw new Error('a contract needs a registered farmer');
    if (contracts.has(chunk.fileHash)) this.#end(contracts, chunk.fileHash);
    contracts.set(chunk.fileHash, { index, chunk, startedAt: now, round: 0, challenge, failuresInARow: 0 });
    return challenge;
  }

  /** Counts what went unanswered by now, and ends what failed too often, over all farmers: a look at each contract. */
  catchUp(now: number): void {
    for (const token of this.#farmers.keys()) this.due(token, now);
  }

  /** A farmer's contracts, and which of them owe an answer; undefined for an unknown farmer. */
  due(token: string, now: number): { all: string[]; due: { hash: string; challenge: string }[] } | undefined {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return undefined;
    const all: string[] = [];
    const due: { hash: string; challenge: string }[] = [];
    for (const hash of contracts.keys()) {
      const contract = this.#runningOf(contracts, hash, now);
      if (contract === undefined) continue;
      all.push(hash);
      if (contract.settled === undefined) due.push({ hash, challenge: contract.challenge });
    }
    return { all, due };
  }

  /** Takes an answer. The first one settles a challenge; the same again hears the same, any other fails. */
  answer(token: string, hash: string, response: string, now: number): 'pass' | 'fail' | 'no_token' | 'no_hash' {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return 'no_token';
    const contract = this.#runningOf(contracts, hash, now);
    if (contract === undefined) return 'no_hash';
    if (contract.settled !== undefined) {
      return contract.settled.passed && contract.settled.response === response ? 'pass' : 'fail';
    }
    const passed = contract.chunk.verifier.response(contract.challenge) === response;
    contract.settled = { response, passed };
    this.#onResult(passed ? 'passed' : 'wrong', 1);
    if (passed) {
      contract.failuresInARow = 0;
      return 'pass';
    }
    contract.failuresInARow += 1;
    return 'fail';
  }

  /** Ends a contract at its farmer's wish. */
  remove(token: string, hash: string, now: number): 'ok' | 'no_token' | 'no_hash' {
    const contracts = this.#farmers.get(token);
    if (contracts === undefined) return 'no_token';
    if (this.#runningOf(contracts, hash, now) === undefined) return 'no_hash';
    this.#end(contracts, hash);
    return 'ok';
  }

  /** The secret of a running contract's chunk, by the chunk's hash. */
  secretOf(hash: string, now: number): string | undefined {
    for (const contracts of this.#farmers.values()) {
      const contract = this.#runningOf(contracts, hash, now);
      if (contract !== undefined) return contract.chunk.secret;
    }
    return undefined;
  }

  /** A contract as it stands now; undefined where there is none, or none any more. */
  #runningOf(contracts: Map<string, Contract>, hash: string, now: number): Contract | undefined {
    const contract = contracts.get(hash);
    if (contract === undefined || this.#bringUpTo(now, contract)) return contract;
    this.#end(contracts, hash);
    return undefined;
  }

  /** Counts the rounds that went by unanswered. @returns whether the contract still runs */
  #bringUpTo(now: number, contract: Contract): boolean {
    const { intervalMs, maxFailures } = this.#options;
    const round = Math.floor((now - contract.startedAt) / intervalMs);
    if (round > contract.round) {
      const unanswered = round - contract.round - (contract.settled === undefined ? 0 : 1);
      const counted = Math.min(unanswered, maxFailures - contract.failuresInARow);
      if (counted > 0) this.#onResult('unanswered', counted);
      contract.failuresInARow += counted;
      contract.round = round;
      contract.challenge = this.#draws.challenge(contract.index, round);
      delete contract.settled;
    }
    return contract.failuresInARow < maxFailures;
  }

  #end(contracts: Map<string, Contract>, hash: string): void {
    contracts.delete(hash);
    this.#running -= 1;
  }
}
