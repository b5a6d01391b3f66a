import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../../farmer/src/status/status.ts';

const root = join(import.meta.dirname, '../..');
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

const TICKS_PER_SECOND = 100;

/** See proc(5). */
const RESET_PEAK = '5';

const GC_SIGNAL = 'SIGUSR2';
/** Makes a service collect garbage on a signal and return all unused memory. */
const GC_FLAGS = [
  '--expose-gc',
  '--import',
  `data:text/javascript,process.on('${GC_SIGNAL}', () => gc({ type: 'major', flavor: 'last-resort' }))`,
];
/** Longer than a collection takes. */
const GC_WAIT_MS = 2_000;

/** A built service in its own process. It ends with its `await using` block, or with this process. */
export class Service implements AsyncDisposable {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #kill = () => this.#process.kill('SIGKILL');

  constructor(child: ChildProcess, url: string) {
    this.#process = child;
    this.url = url;
    process.on('exit', this.#kill);
  }

  /** From now on, {@link getPeakMiB} returns the peak since this call. */
  resetPeak(): void {
    writeFileSync(`/proc/${this.#process.pid}/clear_refs`, RESET_PEAK);
  }

  /** The peak of the resident set. */
  getPeakMiB(): number {
    return this.readMemoryBytes('VmHWM') / 2 ** 20;
  }

  /** @returns a function from a metric's name, with or without labels, to its value summed over the other labels */
  async scrape(): Promise<(name: string) => number> {
    const lines = (await (await fetch(`${this.url}/metrics`)).text()).split('\n');
    return (name) =>
      lines
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exit;
  }

  /** User and system time of all threads of the process, in steps of 10 ms. */
  getCpuMs(): number {
    const [, , , , , , , , , , , user = 0, system = 0] = readFileSync(`/proc/${this.#process.pid}/stat`, 'utf8')
      // The name of the program, in parentheses, may contain spaces.
      .replace(/^.*\) /, '')
      .split(' ')
      .map(Number);
    return ((user + system) * 1000) / TICKS_PER_SECOND;
  }

  protected signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  protected readMemoryBytes(field: 'VmHWM' | 'VmRSS'): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  }
}

export class MockNodeService extends Service {
  readonly #controlUrl: string;

  constructor(child: ChildProcess, ports: { readonly api: string; readonly control: string }) {
    super(child, `http://127.0.0.1:${ports.api}`);
    this.#controlUrl = `http://127.0.0.1:${ports.control}/__admin`;
  }

  /** Sends a request to the control API. */
  async control(method: string, path: string, body: unknown): Promise<void> {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(`${this.#controlUrl}/${path}`, { method, headers, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  }

  /** The resident set after garbage collection. */
  async getResidentBytes(): Promise<number> {
    this.signal(GC_SIGNAL);
    await sleep(GC_WAIT_MS);
    return this.readMemoryBytes('VmRSS');
  }
}

export class FarmerService extends Service {
  /** Unlike a scrape, this does not reset the event loop's statistics. */
  async status(): Promise<Status> {
    return (await (await fetch(`${this.url}/status`)).json()) as Status;
  }
}

export async function startMockNode(env: Readonly<Record<string, string>>): Promise<MockNodeService> {
  const child = start('mock-node/dist/main.js', { MOCK_PORT: '0', MOCK_CONTROL_PORT: '0', ...env }, GC_FLAGS);
  const [api = '', control = ''] = await matchOutput(child, /api=:(\d+) control=:(\d+)/);
  return new MockNodeService(child, { api, control });
}

/** Starts a farmer with two workers and waits until it serves HTTP. */
export async function startFarmer(
  node: { readonly url: string },
  env: Readonly<Record<string, string>>,
): Promise<FarmerService> {
  const defaults = {
    FARMER_ADDRESS: ADDRESS,
    FARMER_NODE_URL: node.url,
    FARMER_INIT: 'true',
    FARMER_HTTP_PORT: '0',
    FARMER_LOG_FORMAT: 'json',
    FARMER_WORKERS: '2',
  };
  const child = start('farmer/dist/main.js', { ...defaults, ...env }, ['--max-semi-space-size=4']);
  const [url = ''] = await matchOutput(child, /"http":"([^"]+)"/);
  return new FarmerService(child, url);
}

export async function waitUntil(
  what: string,
  { timeoutMs, pollMs }: { timeoutMs: number; pollMs: number },
  condition: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`timed out after ${timeoutMs} ms: waiting for ${what}`);
    await sleep(pollMs);
  }
}

function start(script: string, env: Readonly<Record<string, string>>, flags: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [...flags, join(root, script)], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** @returns the pattern's groups in the first line that matches; later output is discarded */
async function matchOutput(child: ChildProcess, pattern: RegExp): Promise<string[]> {
  const { stdout } = child;
  if (stdout === null) throw new Error('the service has no standard output');
  return await new Promise((resolve, reject) => {
    createInterface(stdout).on('line', (line) => {
      const match = pattern.exec(line);
      if (match !== null) resolve(match.slice(1));
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the service exited with ${code}`)));
  });
}
