import { CodedError } from '@downstream/platform';

/** As many challenges have passed as were wanted. */
export class GoalReached extends CodedError<'goal_reached'> {
  constructor() {
    super('goal_reached', 'the number of challenges has passed');
  }
}

/** Requests a stop after a number of passed challenges. */
export class ChallengeGoal {
  readonly #count: number | undefined;
  readonly #reached = new AbortController();
  #passed = 0;

  /** @param count undefined: never */
  constructor(count: number | undefined) {
    this.#count = count;
  }

  /** Aborts with {@link GoalReached}. */
  get signal(): AbortSignal {
    return this.#reached.signal;
  }

  /** The challenges that have passed so far. */
  get passed(): number {
    return this.#passed;
  }

  recordPassed(): void {
    this.#passed += 1;
    if (this.#passed === this.#count) this.#reached.abort(new GoalReached());
  }
}
