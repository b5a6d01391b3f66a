import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type FarmerLine, readLine } from './farmer-line.ts';

export interface FarmerSetup {
  readonly env: Readonly<Record<string, string>>;
  /** Where compiled code is kept from one start to the next: it halves the time that a start takes. */
  readonly cacheDir: string;
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const MAIN = join(import.meta.dirname, '../../farmer/src/main.ts');
const MAX_OUTPUT_LINES = 40;
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A farmer, run from source in a process of its own and seen from outside: its log, signals, its exit code. */
export class FarmerProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;
  readonly #recentOutput: string[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = once(child, 'close').then(() => {
      running.delete(child);
      return { code: child.exitCode, signal: child.signalCode };
    });
  }

  /** @param onLine told each line of its log, in order */
  static start(setup: FarmerSetup, onLine: (line: FarmerLine) => void): FarmerProcess {
    const child = spawn(process.execPath, ['--conditions=source', MAIN], {
      env: { ...setup.env, NODE_COMPILE_CACHE: setup.cacheDir },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A terminal's Ctrl-C is for whoever started it, who knows what to do with it.
      detached: true,
    });
    running.add(child);
    const farmer = new FarmerProcess(child);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on('line', (text) => {
        farmer.#remember(text);
        const line = readLine(text);
        if (line !== undefined) onLine(line);
      });
    }
    return farmer;
  }

  /** Runs the command to its end once, without farming, so that its code is compiled and kept. */
  static async warmUp(cacheDir: string): Promise<void> {
    const child = spawn(process.execPath, ['--conditions=source', MAIN, '--version'], {
      env: { NODE_COMPILE_CACHE: cacheDir },
      stdio: 'ignore',
    });
    await once(child, 'close');
  }

  get ended(): Promise<Ended> {
    return this.#ended;
  }

  get isRunning(): boolean {
    return running.has(this.#child);
  }

  /** What it said last, whatever it was. */
  get recentOutput(): readonly string[] {
    return this.#recentOutput;
  }

  /** The signal, and nothing else: does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it with a signal. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Ended> {
    this.#child.kill(signal);
    return await this.#ended;
  }

  #remember(text: string): void {
    this.#recentOutput.push(text);
    if (this.#recentOutput.length > MAX_OUTPUT_LINES) this.#recentOutput.shift();
  }
}
