import { challengeEntry, contractId, NO_MORE_CHALLENGES, V1_CONTRACT_ERRORS } from '@downstream/protocol';
import { z } from 'zod';
import type { ContractId } from '../contract/contract.ts';
import type { Listing, NodeContract } from '../farming/ports.ts';
import { ContractReferences } from './contract-references.ts';
import { formatChallenge } from './v1-challenge.ts';

const anyEntry = z.object({ file_hash: contractId });

/**
 * Builds a listing of the contracts that the node was asked for. A contract has ended only if the node says so: if its
 * entry is missing or invalid, it is held.
 */
export class V1Listing implements Listing {
  readonly held: Set<ContractId>;
  readonly open = new Map<ContractId, string>();
  readonly dueInMs = new Map<ContractId, number>();
  readonly completed = new Set<ContractId>();
  readonly expired = new Set<ContractId>();
  readonly skipped = { invalid_contract: 0, invalid_challenge: 0, surplus: 0 };
  readonly #asked: ContractReferences<NodeContract>;

  constructor(asked: readonly NodeContract[]) {
    this.held = new Set(asked.map(({ id }) => id));
    this.#asked = new ContractReferences(asked);
  }

  /** Adds an entry of `challenges`. @returns whether it identifies a contract */
  readonly add = (entry: unknown): boolean => {
    const { data } = challengeEntry.safeParse(entry);
    const reference = (data ?? anyEntry.safeParse(entry).data)?.file_hash;
    if (reference === undefined) {
      this.skipped.invalid_contract += 1;
      return false;
    }
    const id = this.#asked.find(reference)?.id;
    if (id === undefined) this.skipped.surplus += 1;
    else if (data === undefined) this.skipped.invalid_challenge += 1;
    else if ('challenge' in data) this.#addChallenge(id, data);
    else this.#addEnd(id, 'status' in data ? data.status : data.error);
    return true;
  };

  #addChallenge(id: ContractId, entry: { challenge: unknown; due: number; answered: boolean }): void {
    const challenge = formatChallenge(entry.challenge);
    if (challenge === undefined || this.dueInMs.has(id) || !this.held.has(id)) {
      this.skipped.invalid_challenge += 1;
      return;
    }
    this.dueInMs.set(id, entry.due);
    if (!entry.answered) this.open.set(id, challenge);
  }

  #addEnd(id: ContractId, text: string): void {
    const isCompleted = text === NO_MORE_CHALLENGES;
    const isExpired = text === V1_CONTRACT_ERRORS.expired;
    if (this.dueInMs.has(id) || !(isCompleted || isExpired || text === V1_CONTRACT_ERRORS.unknown)) {
      this.skipped.invalid_challenge += 1;
      return;
    }
    this.held.delete(id);
    if (isCompleted) this.completed.add(id);
    if (isExpired) this.expired.add(id);
  }
}
