import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHILD_ENV } from './child-env.ts';
import { until } from './test-farm.ts';

const ROOT = join(import.meta.dirname, '../..');
const STOP_OUTPUT = '\x13';
const RESUME_OUTPUT = '\x11';

/** A service in a pseudo-terminal, which `script` creates. Disposal ends both. */
export class Terminal implements AsyncDisposable {
  readonly #script: ChildProcess;
  #shown = '';

  /** @param main entry point of the service, relative to the repository */
  constructor(main: string, env: Readonly<Record<string, string>>) {
    const command = `exec ${process.execPath} --conditions=downstream-source ${join(ROOT, main)}`;
    this.#script = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { ...CHILD_ENV, ...env },
    });
    this.#script.stdout?.on('data', (piece) => {
      this.#shown += piece;
    });
  }

  /** Everything that was shown so far. */
  get shown(): string {
    return this.#shown;
  }

  /** Waits for text that matches. @returns its first group */
  async waitFor(pattern: RegExp): Promise<string> {
    await until(
      () => this.shown,
      (text) => pattern.test(text),
    );
    return pattern.exec(this.shown)?.[1] ?? '';
  }

  /** Stops the output, as Ctrl-S does. */
  stopOutput(): void {
    this.#script.stdin?.write(STOP_OUTPUT);
  }

  /** Continues the output, as Ctrl-Q does. */
  resumeOutput(): void {
    this.#script.stdin?.write(RESUME_OUTPUT);
  }

  /** Sends SIGTERM to the service. @returns its exit code */
  async stopService(): Promise<number | null> {
    await this.#end('SIGTERM');
    return this.#script.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#script.exitCode === null && this.#script.signalCode === null) await this.#end('SIGKILL');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.#script;
    const [service] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ');
    const ended = once(this.#script, 'exit');
    process.kill(Number(service), signal);
    await ended;
  }
}
