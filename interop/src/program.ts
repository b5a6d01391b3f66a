import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { readUsage, type Usage } from './processes.ts';

const SAMPLE_INTERVAL_MS = 2_000;
const STOP_TIMEOUT_MS = 30_000;
const groups = new Set<number>();
process.on('exit', () => {
  for (const group of groups) signalGroup(group, 'SIGKILL');
});

/** A node's or a farmer's command. It runs in a separate folder and writes its output to a log file beside it. */
export class Program {
  readonly name: string;
  readonly #command: string;
  readonly #folder: string;
  readonly #usage: Usage[] = [];
  #child: ChildProcess | undefined;
  #exit: Promise<void> = Promise.resolve();

  constructor({ name, command }: { name: string; command: string }, folder: string) {
    this.name = name;
    this.#command = command;
    this.#folder = folder;
  }

  get logPath(): string {
    return join(this.#folder, `${this.name}.log`);
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the process that was started last has exited. */
  get exit(): Promise<void> {
    return this.#exit;
  }

  /** The exit code, or the signal that ended it; undefined while it is running. */
  get result(): number | string | undefined {
    return this.#child?.exitCode ?? this.#child?.signalCode ?? undefined;
  }

  /** The CPU time of all starts and the peak memory of one. */
  get usage(): Usage {
    return {
      cpuMs: this.#usage.reduce((sum, { cpuMs }) => sum + cpuMs, 0),
      peakRssBytes: Math.max(0, ...this.#usage.map(({ peakRssBytes }) => peakRssBytes)),
    };
  }

  get starts(): number {
    return this.#usage.length;
  }

  start(): void {
    const directory = join(this.#folder, this.name);
    mkdirSync(directory, { recursive: true });
    const log = openSync(this.logPath, 'a');
    // The group of processes makes it possible to measure and end what a shell has started.
    const child = spawn(this.#command, { shell: true, cwd: directory, stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    const { pid } = child;
    this.#child = child;
    this.#usage.push({ cpuMs: 0, peakRssBytes: 0 });
    if (pid === undefined) throw new Error(`${this.name} could not be started: ${this.#command}`);
    groups.add(pid);
    const timer = setInterval(() => this.#measure(), SAMPLE_INTERVAL_MS);
    this.#exit = once(child, 'exit').then(() => {
      clearInterval(timer);
      groups.delete(pid);
    });
  }

  async kill(): Promise<void> {
    this.#measure();
    this.#signal('SIGKILL');
    await this.#exit;
  }

  /** Ends it with SIGTERM, and after 30 seconds with SIGKILL. */
  async stop(): Promise<void> {
    this.#measure();
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exit;
    clearTimeout(timer);
  }

  #measure(): void {
    const usage = this.isRunning && this.#child?.pid !== undefined ? readUsage(this.#child.pid) : undefined;
    const before = this.#usage.at(-1);
    if (usage === undefined || before === undefined) return;
    // A process that is about to end reports no memory.
    const peakRssBytes = Math.max(before.peakRssBytes, usage.peakRssBytes);
    this.#usage[this.#usage.length - 1] = { ...usage, peakRssBytes };
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.isRunning && this.#child?.pid !== undefined) signalGroup(this.#child.pid, signal);
  }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // All its processes have ended.
  }
}
