import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { randomio } from '@downstream/file-encryptor';
import { type FarmerLine, parseLine } from './farmer-line.ts';

export interface FarmerSetup {
  readonly nodeUrl: string;
  readonly dataDir: string;
  readonly sizeBytes: number;
  readonly genesis: Genesis;
  /** Where compiled code is cached between starts, which halves the start-up time. */
  readonly cacheDir: string;
  /** Settings besides those that every run needs. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Genesis {
  readonly genesisPath: string;
  readonly genesisSha256: string;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const MAIN = join(import.meta.dirname, '../../farmer/src/main.ts');
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const MAX_OUTPUT_LINES = 40;
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A farmer in its own process, run from source and observed through its log, signals and exit code. */
export class FarmerProcess {
  readonly #child: ChildProcess;
  readonly #exit: Promise<Exit>;
  readonly #recentOutput: string[] = [];

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exit = once(child, 'close').then(() => {
      running.delete(child);
      return { code: child.exitCode, signal: child.signalCode };
    });
  }

  /** @param onLine called with each log line, in order */
  static start(setup: FarmerSetup, onLine: (line: FarmerLine) => void): FarmerProcess {
    const child = spawn(process.execPath, ['--conditions=downstream-source', MAIN], {
      env: createEnv(setup),
      stdio: ['ignore', 'pipe', 'pipe'],
      // Keeps the terminal's Ctrl-C from the farmer: the parent decides how to stop it.
      detached: true,
    });
    running.add(child);
    const farmer = new FarmerProcess(child);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on('line', (text) => {
        farmer.#remember(text);
        const line = parseLine(text);
        if (line !== undefined) onLine(line);
      });
    }
    return farmer;
  }

  /** Fills the cache of compiled code. */
  static async warmUp(cacheDir: string): Promise<void> {
    const child = spawn(process.execPath, ['--conditions=downstream-source', MAIN, '--version'], {
      env: { NODE_COMPILE_CACHE: cacheDir },
      stdio: 'ignore',
    });
    await once(child, 'close');
  }

  get exit(): Promise<Exit> {
    return this.#exit;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return running.has(this.#child);
  }

  /** The last lines of standard output and standard error. */
  get recentOutput(): string {
    return this.#recentOutput.join('\n');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends a signal and waits for the exit. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<Exit> {
    this.#child.kill(signal);
    return await this.#exit;
  }

  #remember(text: string): void {
    this.#recentOutput.push(text);
    if (this.#recentOutput.length > MAX_OUTPUT_LINES) this.#recentOutput.shift();
  }
}

/** Writes a small genesis file; small chunks make many rounds affordable. */
export function writeGenesis(folder: string, bytes: number): Genesis {
  const content = Buffer.concat([...randomio('soak', bytes)]);
  const genesisPath = join(folder, 'genesis');
  writeFileSync(genesisPath, content);
  return { genesisPath, genesisSha256: createHash('sha256').update(content).digest('hex') };
}

function createEnv({ nodeUrl, dataDir, sizeBytes, genesis, cacheDir, env }: FarmerSetup): Record<string, string> {
  return {
    NODE_COMPILE_CACHE: cacheDir,
    FARMER_NODE_URL: nodeUrl,
    FARMER_ADDRESS: ADDRESS,
    FARMER_DATA_DIR: dataDir,
    FARMER_INIT: 'true',
    FARMER_SIZE: String(sizeBytes),
    FARMER_MIN_FREE: '0',
    FARMER_GENESIS: genesis.genesisPath,
    FARMER_GENESIS_SHA256: genesis.genesisSha256,
    FARMER_HTTP_PORT: '0',
    FARMER_LOG_LEVEL: 'debug',
    FARMER_LOG_FORMAT: 'json',
    ...env,
  };
}
