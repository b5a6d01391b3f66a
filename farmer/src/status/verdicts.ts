import type { SettledRounds } from '../contract/journal-entry.ts';
import type { OutcomePort } from '../farming/ports.ts';

/** One answer may cross the end of its round, and two may do so at once. */
const MIN_REJECTED = 3;

/** The verdicts of the nodes on the answers of this process. They show whether this build and its disks work. */
export class Verdicts {
  #rejectedInARow = 0;

  /** Whether the last answers were all rejected, as wrong or late. */
  get areNegative(): boolean {
    return this.#rejectedInARow >= MIN_REJECTED;
  }

  /** Ignores challenges without a verdict, such as those of a downtime or of a node that does not respond. */
  record({ outcome, cause }: Pick<SettledRounds, 'outcome' | 'cause'>): void {
    if (outcome === 'passed') this.#rejectedInARow = 0;
    else if (cause === 'answer_rejected') this.#rejectedInARow += 1;
  }

  /** @returns a port that passes everything on to `outcomes` and records the verdicts here */
  recordFrom(outcomes: OutcomePort): OutcomePort {
    return {
      ...outcomes,
      roundsSettled: (entry) => {
        outcomes.roundsSettled(entry);
        this.record(entry);
      },
    };
  }
}
