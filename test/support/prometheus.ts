import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** One series of a query result. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** `[seconds, value]`; a single point for an instant query. */
  readonly points: readonly (readonly [number, number])[];
}

/** The HTTP API of a Prometheus. */
export interface PrometheusApi {
  /** An instant query; `time` in seconds, now by default. */
  query(expr: string, time?: number): Promise<Series[]>;
  queryRange(expr: string, range: { start: number; end: number; step: number }): Promise<Series[]>;
  listRules(): Promise<Rule[]>;
}

/** A rule that Prometheus has loaded. */
interface Rule {
  /** The rule file. */
  readonly file: string;
  /** Of the alert or the recorded metric. */
  readonly name: string;
  /** `unknown` before the first evaluation. */
  readonly health: 'ok' | 'err' | 'unknown';
  readonly lastError?: string;
  /** Of an alerting rule: those that are pending or firing. */
  readonly alerts?: readonly {
    readonly state: 'pending' | 'firing';
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

/** A local Prometheus for one test. */
export interface Prometheus extends PrometheusApi {
  readonly url: string;
  stop(): Promise<void>;
}

interface Target {
  readonly job: string;
  /** Base URLs of the services, without `/metrics`. */
  readonly urls: readonly string[];
  /** Added to all their series. */
  readonly labels?: Readonly<Record<string, string>>;
}

interface Options {
  readonly targets: readonly Target[];
  readonly scrapeIntervalSeconds?: number;
  /** Absolute paths of rule files. */
  readonly rules?: readonly string[];
}

/**
 * Starts `prometheus` on a free loopback port, with its data in a temporary folder.
 *
 * @throws with its log if it is not ready within 20 seconds
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
    scrape_configs: targets.map(({ job, urls, labels = {} }, n) => ({
      job_name: `job-${n}`,
      static_configs: [{ targets: urls.map((url) => new URL(url).host), labels: { job, ...labels } }],
    })),
  };
  // JSON is valid YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const url = `http://127.0.0.1:${await findFreePort()}`;
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
  let log = '';
  child.stderr.on('data', (text) => {
    log += String(text);
  });
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(url, child);
  } catch (error) {
    await stop();
    throw new Error(`prometheus did not start: ${log}`, { cause: error });
  }
  return { url, stop, ...connectPrometheus(url) };
}

/** @param url of a Prometheus, without `/api/v1` */
export function connectPrometheus(url: string): PrometheusApi {
  const call = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${url}/api/v1/${path}`, init);
    const { status, data, error } = (await response.json()) as { status: string; data?: unknown; error?: string };
    if (status !== 'success') throw new Error(`${path} ${init?.body ?? ''}: ${error ?? status}`);
    return data;
  };
  // In the body, because an expression can be longer than a URL.
  const query = async (path: string, parameters: Record<string, string>) =>
    parseSeries(await call(path, { method: 'POST', body: new URLSearchParams(parameters) }));
  return {
    query: async (expr, time) =>
      await query('query', { query: expr, ...(time !== undefined && { time: String(time) }) }),
    queryRange: async (expr, { start, end, step }) =>
      await query('query_range', { query: expr, start: String(start), end: String(end), step: String(step) }),
    listRules: async () => {
      const { groups } = (await call('rules')) as { groups: { file: string; rules: Omit<Rule, 'file'>[] }[] };
      return groups.flatMap(({ file, rules }) => rules.map((rule) => ({ ...rule, file })));
    },
  };
}

interface QueryResult {
  readonly resultType: 'vector' | 'matrix' | 'scalar' | 'string';
  readonly result: unknown;
}

type Sample = [number, string];

function parseSeries(data: unknown): Series[] {
  const { resultType, result } = data as QueryResult;
  const toPoint = ([at, value]: Sample) => [at, Number(value.replace('Inf', 'Infinity'))] as const;
  switch (resultType) {
    case 'vector':
      return (result as { metric: Series['metric']; value: Sample }[]).map(({ metric, value }) => ({
        metric,
        points: [toPoint(value)],
      }));
    case 'matrix':
      return (result as { metric: Series['metric']; values: Sample[] }[]).map(({ metric, values }) => ({
        metric,
        points: values.map(toPoint),
      }));
    case 'scalar':
      return [{ metric: {}, points: [toPoint(result as Sample)] }];
    case 'string':
      throw new Error('unexpected string result');
  }
}

/** Finds a free port, because Prometheus cannot report a port that it chose itself. */
async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (child.exitCode === null && performance.now() < deadline) {
    const isReady = await fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
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
