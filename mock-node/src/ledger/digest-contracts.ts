import type { Chunk, Verifier } from './contract.ts';
import type { ContractTable } from './contract-table.ts';
import { drawChallenge } from './rounds.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Contracts of the prototype API. The first answer settles a challenge. */
export class DigestContracts {
  readonly #table: ContractTable;
  readonly #random: Pick<SeededRandom, 'seed'>;

  constructor(table: ContractTable, random: Pick<SeededRandom, 'seed'>) {
    this.#table = table;
    this.#random = random;
  }

  /**
   * Starts a reserved contract. It replaces a running contract of the farmer with the same chunk.
   *
   * @returns the first challenge; undefined if the farmer is no longer known, which cancels the reservation
   */
  start(
    token: string,
    { index, chunk, intervalMs }: { index: number; chunk: Chunk; intervalMs: number },
    now: number,
  ): string | undefined {
    const { fileHash: hash, secret, sizeBytes, verifier } = chunk;
    const { seed } = this.#random;
    const challenge = drawChallenge({ seed, index }, 0);
    const proof = { kind: 'digest', secret, seed } as const;
    return this.#table.add({ index, token, hash, sizeBytes, proof, challenge, intervalMs, verifier }, now)?.challenge;
  }

  /**
   * The secret from which to create the verifier that {@link answer} needs.
   *
   * @returns undefined if no verifier is missing
   */
  getUnverifiedSecret(token: string, hash: string, now: number): string | undefined {
    const contract = this.#table.find(token, hash, now);
    const isMissing = contract?.settled === undefined && contract?.verifier === undefined;
    return isMissing && contract?.proof.kind === 'digest' ? contract.proof.secret : undefined;
  }

  setVerifier(verifier: Verifier, { token, hash, secret }: { token: string; hash: string; secret: string }): void {
    const contract = this.#table.farmers.get(token)?.contracts.get(hash);
    if (contract?.proof.kind === 'digest' && contract.proof.secret === secret) contract.verifier ??= verifier;
  }

  /**
   * Verifies an answer. The first answer settles a challenge. Repeating it gets the same verdict, any other fails.
   *
   * @throws Error if {@link getUnverifiedSecret} returns a secret
   */
  answer(
    token: string,
    { hash, response }: { hash: string; response: string },
    now: number,
  ): 'pass' | 'fail' | 'no_token' | 'no_hash' {
    if (this.#table.farmers.get(token) === undefined) return 'no_token';
    const contract = this.#table.find(token, hash, now);
    if (contract?.proof.kind !== 'digest') return 'no_hash';
    const { proof } = contract;
    if (contract.settled !== undefined) {
      return contract.settled.passed && contract.settled.response === response ? 'pass' : 'fail';
    }
    if (contract.verifier === undefined) throw new Error('the contract has no verifier');
    const isAnswerTo = (challenge: string) => contract.verifier?.response(challenge) === response;
    const passed = isAnswerTo(contract.challenge);
    const late =
      !passed &&
      contract.round > 0 &&
      isAnswerTo(drawChallenge({ ...proof, index: contract.index }, contract.round - 1));
    this.#table.settle(contract, { response, passed, late }, now);
    return passed ? 'pass' : 'fail';
  }

  remove(token: string, hash: string, now: number): 'ok' | 'no_token' | 'no_hash' {
    if (this.#table.farmers.get(token) === undefined) return 'no_token';
    const contract = this.#table.find(token, hash, now);
    if (contract?.proof.kind !== 'digest') return 'no_hash';
    this.#table.end(contract, 'removed');
    return 'ok';
  }

  getChunkSecret(hash: string, now: number): string | undefined {
    const proof = this.#table.findAny(hash, now)?.proof;
    return proof?.kind === 'digest' ? proof.secret : undefined;
  }
}
