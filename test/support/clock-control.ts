import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FarmerProcess } from './farmer-process.ts';
import type { ClockState } from './settable-clock.ts';

const PRELOAD = join(import.meta.dirname, 'settable-clock.ts');

/** Controls the clocks of the processes that are started with its environment. */
export class ClockControl implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'clock-'));
  readonly #path = join(this.#folder, 'state.json');
  #state: ClockState = { wallMs: 0, pausedMs: 0 };

  constructor() {
    this.#save();
  }

  get env(): Record<string, string> {
    return { TEST_CLOCK: this.#path, NODE_OPTIONS: `--import=${PRELOAD}` };
  }

  /** Sets the system clock: 0 is the correct time. */
  setWall(wallMs: number): void {
    this.#state = { ...this.#state, wallMs };
    this.#save();
  }

  /** Stops a process and its clocks for `ms`. Then the system clock steps forward. */
  async pauseMachine({ child }: Pick<FarmerProcess, 'child'>, ms: number): Promise<void> {
    child.kill('SIGSTOP');
    const stoppedAt = performance.now();
    await pause(ms);
    this.#state = { ...this.#state, pausedMs: this.#state.pausedMs + performance.now() - stoppedAt };
    this.#save();
    child.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #save(): void {
    // Readers never see half a file.
    writeFileSync(`${this.#path}.new`, JSON.stringify(this.#state));
    renameSync(`${this.#path}.new`, this.#path);
  }
}
