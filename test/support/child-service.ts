import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CHILD_ENV } from './child-env.ts';

const ROOT = join(import.meta.dirname, '../..');

const MAIN = { farmer: join(ROOT, 'farmer/src/main.ts'), 'mock-node': join(ROOT, 'mock-node/src/main.ts') };

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** JavaScript module that runs before the service. */
  readonly preload?: string;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A service in its own process, run from source. Disposal kills it. */
export class ChildService implements AsyncDisposable {
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcess;
  #output = '';

  constructor(service: keyof typeof MAIN, { args = [], env = {}, preload }: ChildOptions = {}) {
    const imports = preload === undefined ? [] : ['--import', pathToFileURL(preload).href];
    const child = spawn(process.execPath, ['--conditions=downstream-source', ...imports, MAIN[service], ...args], {
      env: { ...CHILD_ENV, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece) => {
        this.#output += piece;
        child.emit('output');
      });
    this.exit = once(child, 'close').then(() => {
      child.emit('output');
      return { code: child.exitCode, signal: child.signalCode };
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process was not started');
    return this.#child.pid;
  }

  /** Standard output and standard error so far. */
  get output(): string {
    return this.#output;
  }

  /** Waits for output that matches. @throws if the process ends before */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) return match;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`the process ended without ${pattern}:\n${this.#output}`);
      await once(this.#child, 'output');
    }
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exit;
  }
}
