import { type ContractFacts, getDueAt, type ProofRejection, toFacts } from './contract.ts';
import type { ContractTable } from './contract-table.ts';
import { getRoundAt } from './rounds.ts';

/** A chunk that was encoded with the node's heartbeat. */
export interface EncodedChunk {
  readonly sizeBytes: number;
  /** JSON of the scheme's state before the first challenge. */
  readonly state: string;
}

/** A challenge that the farmer requested. */
export interface IssuedChallenge {
  /** JSON of the scheme. */
  readonly challenge: string;
  readonly dueAt: number;
  readonly answered: boolean;
}

/** What is needed to verify a proof. */
export interface OpenProof {
  readonly challenge: string;
  readonly state: string;
  readonly round: number;
}

/** `corrupted`: it is not a proof of the scheme. `unverified`: it is one, but there is no open challenge. */
export type ProofVerdict = 'valid' | 'invalid' | 'corrupted' | 'unverified';

/** Contracts of the v1 API. The farmer requests each challenge, and a wrong proof does not settle it. */
export class HeartbeatContracts {
  readonly #table: ContractTable;

  constructor(table: ContractTable) {
    this.#table = table;
  }

  /**
   * Starts a reserved contract for an encoded chunk. Its key is its number, from 1.
   *
   * @returns the contract; undefined if the farmer is no longer known, which cancels the reservation
   * @throws Error if the chunk has no challenge
   */
  start(
    token: string,
    { index, chunk, intervalMs }: { index: number; chunk: EncodedChunk; intervalMs: number },
    now: number,
  ): ContractFacts | undefined {
    const first = this.#table.draw(chunk.state, { contract: index, round: 0 });
    if (first === undefined) throw new Error('the chunk has no challenge');
    const { challenge, state } = first;
    const proof = { kind: 'heartbeat', state } as const;
    const { sizeBytes } = chunk;
    const added = { index, token, hash: String(index + 1), sizeBytes, proof, challenge, intervalMs };
    const contract = this.#table.add({ ...added, verifier: undefined }, now);
    return contract && toFacts(contract);
  }

  /** The farmer's contracts by number. Includes ended ones. */
  list(token: string, now: number): string[] {
    const farmer = this.#table.farmers.get(token);
    if (farmer === undefined) return [];
    const running = [...this.#table.list(farmer, now)].filter(({ proof }) => proof.kind === 'heartbeat');
    return [...farmer.ended, ...running.map(({ hash }) => hash)].sort((a, b) => Number(a) - Number(b));
  }

  /** The current challenge. Opens the next one if that is possible. */
  requestChallenge(
    token: string,
    hash: string,
    now: number,
  ): IssuedChallenge | 'not_found' | 'expired' | 'no_more_challenges' {
    const contract = this.#table.find(token, hash, now);
    if (contract === undefined) return this.#table.hasEnded(token, hash) ? 'expired' : 'not_found';
    if (contract.proof.kind !== 'heartbeat') return 'not_found';
    const round = getRoundAt(contract, now);
    if (round > contract.round && !this.#table.open(contract, round)) return 'no_more_challenges';
    return { challenge: contract.challenge, dueAt: getDueAt(contract), answered: contract.settled !== undefined };
  }

  /** Makes the node verify proofs of another challenge than the one that it drew. */
  replaceChallenge(token: string, hash: string, challenge: string, now: number): void {
    const contract = this.#table.find(token, hash, now);
    if (contract !== undefined) this.#table.replaceChallenge(contract, challenge);
  }

  /** What is needed to verify a proof, unless the challenge is answered. */
  getOpenProof(token: string, hash: string, now: number): OpenProof | 'not_found' | 'expired' | 'answered' {
    const contract = this.#table.find(token, hash, now);
    if (contract === undefined) return this.#table.hasEnded(token, hash) ? 'expired' : 'not_found';
    const { proof, challenge, round, settled } = contract;
    if (proof.kind !== 'heartbeat') return 'not_found';
    return settled === undefined ? { challenge, state: proof.state, round } : 'answered';
  }

  /**
   * Counts a proof that was verified. Only a right one settles the challenge.
   *
   * @param proof its round is undefined if its challenge was not open when it arrived
   * @param now when the proof arrived
   */
  settleProof(
    token: string,
    proof: { readonly hash: string; readonly round: number | undefined; readonly verdict: ProofVerdict },
    now: number,
  ): 'ok' | ProofRejection {
    const reason = this.#findRejection(token, proof, now);
    if (reason !== undefined) {
      this.#table.reportRejectedProof(reason, proof.hash);
      return reason;
    }
    const contract = this.#table.find(token, proof.hash, now);
    if (contract !== undefined) this.#table.settle(contract, { response: '', passed: true, late: false }, now);
    return 'ok';
  }

  /** In the order of the original node, which parses a proof before it looks at the challenge. */
  #findRejection(
    token: string,
    { hash, round, verdict }: Parameters<HeartbeatContracts['settleProof']>[1],
    now: number,
  ): ProofRejection | undefined {
    const open = this.getOpenProof(token, hash, now);
    if (open === 'not_found') return open;
    if (verdict === 'corrupted') return verdict;
    if (typeof open === 'string') return open;
    return round === open.round && verdict === 'valid' ? undefined : 'invalid';
  }
}
