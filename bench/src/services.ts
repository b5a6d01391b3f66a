import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { Status } from '../../farmer/src/status/status.ts';

const root = join(import.meta.dirname, '../..');
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

const GC_SIGNAL = 'SIGUSR2';
/** Has a service collect its garbage at a signal, and give back all memory that it can do without. */
const GC_FLAGS = [
  '--expose-gc',
  '--import',
  `data:text/javascript,process.on('${GC_SIGNAL}', () => gc({ type: 'major', flavor: 'last-resort' }))`,
];
/** More than a collection takes. */
const GC_WAIT_MS = 2_000;

/** A service of ours in a process of its own, as it is built. Ends with the block that it is declared in, or with us. */
export class Service implements AsyncDisposable {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #kill = () => this.#process.kill('SIGKILL');

  constructor(child: ChildProcess, url: string) {
    this.#process = child;
    this.url = url;
    process.on('exit', this.#kill);
  }

  /** The most memory that the process ever had, in MiB. */
  peakMiB(): number {
    return this.memoryBytes('VmHWM') / 2 ** 20;
  }

  /** Its metrics at one moment: a function from a name, with labels or without, to the value, summed over other labels. */
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

  protected signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  protected memoryBytes(field: 'VmHWM' | 'VmRSS'): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
  }
}

/** A mock node that runs. */
class MockNodeService extends Service {
  /** All memory that the process has, JavaScript's and other, once its garbage is collected. */
  async residentBytes(): Promise<number> {
    this.signal(GC_SIGNAL);
    await pause(GC_WAIT_MS);
    return this.memoryBytes('VmRSS');
  }
}

/** A farmer that runs. */
export class FarmerService extends Service {
  /** How it is doing. Unlike a scrape this resets nothing. */
  async status(): Promise<Status> {
    return (await (await fetch(`${this.url}/status`)).json()) as Status;
  }
}

export async function startMockNode(env: Readonly<Record<string, string>>): Promise<MockNodeService> {
  const child = start('mock-node/dist/main.js', { MOCK_PORT: '0', MOCK_CONTROL_PORT: '0', ...env }, GC_FLAGS);
  return new MockNodeService(child, `http://127.0.0.1:${await printed(child, /api=:(\d+)/)}`);
}

/** A farmer with two workers, as soon as it says that it started. */
export async function startFarmer(node: Service, env: Readonly<Record<string, string>>): Promise<FarmerService> {
  const own = {
    FARMER_ADDRESS: ADDRESS,
    FARMER_NODE_URL: node.url,
    FARMER_INIT: 'true',
    FARMER_HTTP_PORT: '0',
    FARMER_LOG_FORMAT: 'json',
    FARMER_WORKERS: '2',
  };
  const child = start('farmer/dist/main.js', { ...own, ...env });
  return new FarmerService(child, await printed(child, /"http":"([^"]+)"/));
}

/** Looks until something holds. */
export async function until(
  what: string,
  { withinMs, everyMs }: { withinMs: number; everyMs: number },
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await pause(everyMs);
  }
}

function start(script: string, env: Readonly<Record<string, string>>, flags: readonly string[] = []): ChildProcess {
  return spawn(process.execPath, [...flags, join(root, script)], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** What the pattern's group holds in the first line that fits; whatever is printed later is read and dropped. */
async function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('no output to look at');
  return await new Promise((resolve, reject) => {
    createInterface(stdout).on('line', (line) => {
      const match = pattern.exec(line)?.[1];
      if (match !== undefined) resolve(match);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`a service ended with ${code}`)));
  });
}
