import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { randomio } from '@downstream/file-encryptor';
import { type MockNode, startMockNode } from '@downstream/mock-node';
import { createLogger, type Logger, LogTail } from '@downstream/platform';
import { type FarmerApp, startFarmer } from '../../farmer/src/app.ts';
import { type FarmerConfig, readConfig } from '../../farmer/src/config.ts';

export const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
export const CHUNK_BYTES = 16_384;

/** Long enough that a busy machine misses no deadline. */
const INTERVAL_MS = 5_000;
/** The names of all files in the chunk folder of a data directory, except its marker and those of probes. */
export function listChunks(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'chunks')).filter((name) => !/^(downstream\.json|\.probe.*)$/.test(name));
}

/** A farmer with its log. */
export interface TestFarmer extends FarmerApp {
  /** Log lines as JSON, at level debug by default. Secrets are not masked: no line may contain one. */
  readonly lines: readonly string[];
  /** All tokens, which the logger of a real run redacts. */
  readonly secrets: ReadonlySet<string>;
  readonly metrics: () => Promise<string>;
}

/**
 * Real nodes and farmers in this process, over one folder, with chunks of 16 KiB. Disposal stops them and deletes the
 * folder.
 */
export class TestFarm implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'test-farm-'));
  readonly dataDir = join(this.folder, 'data');
  readonly genesis: { readonly genesisPath: string; readonly genesisSha256: string };
  readonly #running = new Set<() => Promise<unknown>>();

  constructor() {
    this.genesis = this.createGenesis('test farm');
  }

  /** Creates another genesis file in the folder. */
  createGenesis(seed: string, sizeBytes = CHUNK_BYTES): { genesisPath: string; genesisSha256: string } {
    const bytes = Buffer.concat([...randomio(seed, sizeBytes)]);
    const genesisPath = join(this.folder, `genesis of ${seed}`);
    writeFileSync(genesisPath, bytes);
    return { genesisPath, genesisSha256: createHash('sha256').update(bytes).digest('hex') };
  }

  async startNode(
    options: Parameters<typeof startMockNode>[0] = {},
    parts: Parameters<typeof startMockNode>[1] = {},
  ): Promise<MockNode> {
    // The seed repeats the faults of a run.
    const node = await startMockNode(
      { port: 0, seed: '42', intervalMs: INTERVAL_MS, ...this.genesis, ...options },
      parts,
    );
    const close = this.#once(() => node.close());
    return { ...node, close };
  }

  /** The settings of a farmer with capacity for five contracts. */
  env(nodeUrl: string): Record<string, string> {
    return {
      FARMER_NODE_URL: nodeUrl,
      FARMER_NODE_ALIAS: nodeUrl.split(',').length > 1 ? '' : 'node',
      FARMER_MIN_FREE: '0',
      FARMER_ADDRESS: ADDRESS,
      FARMER_DATA_DIR: this.dataDir,
      FARMER_INIT: 'true',
      FARMER_SIZE: String(5 * CHUNK_BYTES),
      FARMER_GENESIS: this.genesis.genesisPath,
      FARMER_GENESIS_SHA256: this.genesis.genesisSha256,
      FARMER_HTTP_PORT: '0',
      FARMER_POLL_INTERVAL: '100ms',
      FARMER_WORKERS: '1',
      FARMER_LOG_LEVEL: 'debug',
    };
  }

  async startFarmer(nodeUrl: string, env: Record<string, string> = {}): Promise<TestFarmer> {
    const lines: string[] = [];
    const secrets = new Set<string>();
    const tail = new LogTail();
    const config = readConfig({ env: { ...this.env(nodeUrl), ...env } });
    const onFault = (error: unknown) => lines.push(String(error));
    const app = await startFarmer(config, {
      log: createListLogger(lines, tail, config.logLevel),
      tail,
      secrets: { remember: (_node, token) => void secrets.add(token) },
      onFault,
    });
    const metrics = async () => await (await fetch(`${app.url}/metrics`)).text();
    return { ...app, lines, secrets, metrics, stop: this.#once(() => app.stop()) };
  }

  /** Disposes of a resource together with the farm. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.#running.add(async () => await resource[Symbol.asyncDispose]());
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stop of [...this.#running].reverse()) await stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Stops once: by the test or at disposal. */
  #once<T>(stop: () => Promise<T>): () => Promise<T> {
    let stopped: Promise<T> | undefined;
    const stopOnce = async () => {
      stopped ??= stop();
      return await stopped;
    };
    this.#running.add(stopOnce);
    return stopOnce;
  }
}

/** Creates a logger that appends JSON lines to a list. */
export function createListLogger(
  lines: string[],
  tail = new LogTail(),
  level: FarmerConfig['logLevel'] = 'debug',
): Logger {
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line));
      done();
    },
  });
  return createLogger({ level, format: 'json', stream, tail });
}

/** Polls until a value satisfies a condition; fails with the last value. */
export async function until<T>(
  read: () => T | Promise<T>,
  isDone: (value: T) => boolean,
  { everyMs = 20, withinMs = 40_000 } = {},
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (isDone(value)) return value;
    if (performance.now() > end)
      throw new Error(`timed out after ${withinMs} ms; last value: ${JSON.stringify(value)}`);
    await pause(everyMs);
  }
}
