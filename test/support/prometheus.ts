import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** One series of a query's answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** `[seconds, value]`; one alone of an instant query. */
  readonly points: readonly (readonly [number, number])[];
}

/** A Prometheus that runs on this machine, for one test. */
export interface Prometheus {
  readonly url: string;
  /** A query for one moment; now, without `time` in seconds. */
  query(expr: string, time?: number): Promise<Series[]>;
  queryRange(expr: string, range: { start: number; end: number; step: number }): Promise<Series[]>;
  /** A path of its HTTP API under `/api/v1/`; @returns what stands under `data` */
  api(path: string, parameters?: Record<string, string>): Promise<unknown>;
  stop(): Promise<void>;
}

/** What it scrapes under one job. */
interface Target {
  readonly job: string;
  /** The services' base URLs; `/metrics` is asked for. */
  readonly urls: readonly string[];
}

interface Options {
  readonly targets: readonly Target[];
  readonly scrapeIntervalSeconds?: number;
  /** Rule files, with their full paths. */
  readonly rules?: readonly string[];
}

/**
 * Starts Debian's `prometheus` on a free port of the loopback interface, with its data in a temporary folder.
 *
 * @throws when it does not become ready in 20 seconds, with what it said
 */
export async function startPrometheus({
  targets,
  scrapeIntervalSeconds = 1,
  rules = [],
}: Options): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const interval = `${scrapeIntervalSeconds}s`;
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: rules,
    scrape_configs: targets.map(({ job, urls }) => ({
      job_name: job,
      static_configs: [{ targets: urls.map((url) => new URL(url).host) }],
    })),
  };
  // YAML reads JSON.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${new URL(url).host}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (text) => {
    said += String(text);
  });
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(url, child);
  } catch (error) {
    await stop();
    throw new Error(`prometheus did not start: ${said}`, { cause: error });
  }

  const api = async (path: string, parameters: Record<string, string> = {}) => {
    const response = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(parameters) });
    const { status, data, error } = (await response.json()) as { status: string; data?: unknown; error?: string };
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${error ?? status}`);
    return data;
  };
  return {
    url,
    api,
    query: async (expr, time) =>
      parseSeries(await api('query', { query: expr, ...(time !== undefined && { time: String(time) }) })),
    queryRange: async (expr, { start, end, step }) =>
      parseSeries(
        await api('query_range', { query: expr, start: String(start), end: String(end), step: String(step) }),
      ),
    stop,
  };
}

interface Answer {
  readonly resultType: 'vector' | 'matrix' | 'scalar' | 'string';
  readonly result: unknown;
}

type Sample = [number, string];

function parseSeries(data: unknown): Series[] {
  const { resultType, result } = data as Answer;
  const number = ([at, value]: Sample) => [at, Number(value.replace('Inf', 'Infinity'))] as const;
  switch (resultType) {
    case 'vector':
      return (result as { metric: Series['metric']; value: Sample }[]).map(({ metric, value }) => ({
        metric,
        points: [number(value)],
      }));
    case 'matrix':
      return (result as { metric: Series['metric']; values: Sample[] }[]).map(({ metric, values }) => ({
        metric,
        points: values.map(number),
      }));
    case 'scalar':
      return [{ metric: {}, points: [number(result as Sample)] }];
    case 'string':
      throw new Error('a query for text');
  }
}

/** A port that was free a moment ago: Prometheus cannot choose one itself and say which. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (child.exitCode === null && performance.now() < deadline) {
    const answers = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answers) return;
    await pause(50);
  }
  throw new Error(child.exitCode === null ? 'not ready in 20 s' : `ended with ${child.exitCode}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
