import type { Logger } from '@downstream/platform';
import type { ClockSnapshot } from '../clock/node-clock.ts';
import type { StateFile } from './state-file.ts';

/** At most one probe in this time. Health checks may come from anyone. */
const PROBE_INTERVAL_MS = 1_000;

/** A state file that remembers whether it can be written. It logs when that changes, not for each request. */
export class MonitoredState {
  readonly #file: Pick<StateFile, 'hasPendingChanges' | 'save'>;
  readonly #log: Pick<Logger, 'error' | 'info'>;
  #isFailing = false;
  /** The real time of the last attempt. */
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(file: Pick<StateFile, 'hasPendingChanges' | 'save'>, { log }: { log: Pick<Logger, 'error' | 'info'> }) {
    this.#file = file;
    this.#log = log;
  }

  get hasPendingChanges(): boolean {
    return this.#file.hasPendingChanges;
  }

  /** @throws StateError */
  save(clock: ClockSnapshot): void {
    this.#triedAt = clock.real;
    try {
      this.#file.save(clock);
    } catch (error) {
      if (!this.#isFailing) this.#log.error('state not stored', { error });
      this.#isFailing = true;
      throw error;
    }
    if (this.#isFailing) this.#log.info('state stored again');
    this.#isFailing = false;
  }

  /** Whether the file can be written: tries it by storing the clock. */
  probe(clock: ClockSnapshot): boolean {
    if (Math.abs(clock.real - this.#triedAt) < PROBE_INTERVAL_MS) return !this.#isFailing;
    try {
      this.save(clock);
      return true;
    } catch {
      return false;
    }
  }
}
