import { reportEntry, V1_CONTRACT_ERRORS } from '@downstream/protocol';
import type { Answer, Verdict } from '../farming/ports.ts';
import { ContractReferences } from './contract-references.ts';

/** What errors of single contracts say about an answer. */
const VERDICTS: ReadonlyMap<string, Verdict> = new Map([
  // The response to the first attempt was lost.
  [V1_CONTRACT_ERRORS.alreadyAnswered, 'passed'],
  [V1_CONTRACT_ERRORS.invalidProof, 'rejected'],
  [V1_CONTRACT_ERRORS.corruptedProof, 'rejected'],
  [V1_CONTRACT_ERRORS.answerExpired, 'ended'],
  [V1_CONTRACT_ERRORS.expired, 'ended'],
  [V1_CONTRACT_ERRORS.unknown, 'ended'],
]);

/** Builds the verdicts on answers from the entries of a report. The first entry about an answer counts. */
export class V1Report {
  readonly skipped = { invalid_contract: 0, invalid_challenge: 0, surplus: 0 };
  readonly #answers: readonly Answer[];
  readonly #references: ContractReferences<Answer>;
  readonly #verdicts = new Map<Answer, Verdict>();

  constructor(answers: readonly Answer[]) {
    this.#answers = answers;
    this.#references = new ContractReferences(answers);
  }

  /** Adds an entry of `report`. @returns whether it identifies a contract */
  readonly add = (entry: unknown): boolean => {
    const { data } = reportEntry.safeParse(entry);
    if (data === undefined) {
      this.skipped.invalid_contract += 1;
      return false;
    }
    const answer = this.#references.find(data.file_hash);
    const verdict = 'status' in data ? 'passed' : VERDICTS.get(data.error);
    if (answer === undefined) this.skipped.surplus += 1;
    else if (verdict === undefined) this.skipped.invalid_challenge += 1;
    else if (!this.#verdicts.has(answer)) this.#verdicts.set(answer, verdict);
    return true;
  };

  /** The verdict on each answer, in the order of the answers. */
  get verdicts(): Verdict[] {
    return this.#answers.map((answer) => this.#verdicts.get(answer) ?? 'unknown');
  }
}
