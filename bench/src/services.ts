import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

const root = join(import.meta.dirname, '../..');
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

/** A service of ours in a process of its own, as it is built. */
export class Service {
  readonly #process: ChildProcess;
  readonly url: string;

  constructor(child: ChildProcess, url: string) {
    this.#process = child;
    this.url = url;
  }

  /** The sum of a metric over its labels, or of the lines that hold `label`. */
  async metric(name: string, label = ''): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const lines = text
      .split('\n')
      .filter((line) => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && line.includes(label));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  /** The most memory that the process ever had, in MiB. */
  peakMiB(): number {
    const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  }

  async stop(): Promise<void> {
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exit;
  }
}

export async function startMockNode(env: Record<string, string>): Promise<Service> {
  const child = start('mock-node/dist/main.js', { MOCK_PORT: '0', ...env });
  return new Service(child, `http://127.0.0.1:${await found(child, /api=:(\d+)/)}`);
}

/** A farmer, as soon as it serves its metrics. */
export async function startFarmer(node: Service, env: Record<string, string>): Promise<Service> {
  const own = {
    FARMER_ADDRESS: ADDRESS,
    FARMER_NODE_URL: node.url,
    FARMER_HTTP_PORT: '0',
    FARMER_LOG_FORMAT: 'json',
    FARMER_WORKERS: '2',
  };
  const child = start('farmer/dist/main.js', { ...own, ...env });
  return new Service(child, await found(child, /"http":"([^"]+)"/));
}

/** Looks until something holds. */
export async function until(
  what: string,
  withinMs: number,
  holds: () => Promise<boolean>,
  everyMs = 20,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await pause(everyMs);
  }
}

function start(script: string, env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [join(root, script)], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

async function found(child: ChildProcess, pattern: RegExp): Promise<string> {
  if (child.stdout === null) throw new Error('no output to look at');
  return await new Promise((resolve, reject) => {
    createInterface(child.stdout ?? process.stdin).on('line', (line) => {
      const match = pattern.exec(line)?.[1];
      if (match !== undefined) resolve(match);
    });
    child.once('exit', (code) => reject(new Error(`a service ended with ${code}`)));
  });
}
