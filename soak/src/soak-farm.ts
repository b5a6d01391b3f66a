import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { randomio } from '@downstream/file-encryptor';
import { type MockNode, startMockNode } from '@downstream/mock-node';
import { Promises } from './acknowledged-contracts.ts';
import { DataDir } from './data-dir.ts';
import type { FarmerLine } from './farmer-line.ts';
import { FarmerProcess } from './farmer-process.ts';
import { type Damage, PLAN } from './plan.ts';
import type { Entry } from './rounds.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const START_MS = 20_000;

/** A node and a farmer that can be switched off and on, and chunks that can be spoilt. */
export class SoakFarm {
  readonly promises = new Promises();
  readonly dataDir: DataDir;
  /** What the farmer counted as failed, by its reasons. */
  readonly missedByReason = new Map<string, number>();
  /** What should not have been, in words. */
  readonly broken: string[] = [];
  readonly challenges = { passed: 0, wrong: 0, unanswered: 0 };
  restarts = -1;
  readonly #folder: string;
  readonly #seed: string;
  #node: MockNode | undefined;
  #port = 0;
  #farmer: FarmerProcess | undefined;

  constructor(folder: string, seed: string) {
    this.#folder = folder;
    this.#seed = seed;
    this.dataDir = new DataDir(join(folder, 'data'));
  }

  /** What the node has on its books, in the time of this process; nothing while it is away. */
  entries(): Entry[] {
    if (this.#node === undefined) return [];
    const { ledger, clock } = this.#node.controller;
    const now = clock.now();
    const ahead = now - Date.now();
    return [...ledger.all(now)].map((facts) => ({
      ...facts,
      // The ledger goes on counting in the one that it shows.
      results: { ...facts.results },
      acceptedAt: facts.acceptedAt - ahead,
      dueAt: facts.dueAt - ahead,
    }));
  }

  get node(): MockNode | undefined {
    return this.#node;
  }

  get farmer(): FarmerProcess | undefined {
    return this.#farmer;
  }

  async startNode(): Promise<void> {
    const genesis = this.#genesis();
    const node = await startMockNode({
      port: this.#port,
      seed: this.#seed,
      intervalMs: PLAN.intervalMs,
      // A contract that went on failing would vanish from the books, and the judge would not see it fail.
      maxFailures: 1_000_000,
      statePath: join(this.#folder, 'node.db'),
      ...genesis,
    });
    this.#node = node;
    this.#port = node.port;
    node.controller.events.listen((event) => {
      if (event.type === 'challenge') this.challenges[event.result] += event.count;
      if (event.type === 'contract' && event.change === 'ended' && event.reason === 'removed')
        if (this.promises.held.has(event.hash)) this.broken.push(`contract ${event.hash} was given back to the node`);
    });
  }

  async stopNode(): Promise<void> {
    const node = this.#node;
    this.#node = undefined;
    await node?.close();
  }

  /**
   * Starts the farmer and waits until it says that it has.
   *
   * @param onGivenUp told of each contract that it gives up though the node has it
   */
  async startFarmer(onGivenUp: (contract: Entry, line: FarmerLine) => void): Promise<void> {
    this.restarts += 1;
    const started = Promise.withResolvers<void>();
    const { genesisPath, genesisSha256 } = this.#genesis();
    const env = {
      FARMER_NODE_URL: `http://127.0.0.1:${this.#port}`,
      FARMER_ADDRESS: ADDRESS,
      FARMER_DATA_DIR: this.dataDir.path,
      FARMER_INIT: 'true',
      FARMER_SIZE: String(PLAN.contracts * PLAN.chunkBytes),
      FARMER_MIN_FREE: '0',
      FARMER_GENESIS: genesisPath,
      FARMER_GENESIS_SHA256: genesisSha256,
      FARMER_HTTP_PORT: '0',
      FARMER_LOG_LEVEL: 'debug',
      FARMER_LOG_FORMAT: 'json',
    };
    const farmer = FarmerProcess.start({ env, cacheDir: join(this.#folder, 'compiled') }, (line) => {
      if (line.message === 'farmer started') started.resolve();
      if (line.message === 'challenge failed') this.#count(line);
      const over = this.promises.hear(line);
      const contract = this.entries().find(({ hash }) => hash === over);
      if (contract !== undefined) onGivenUp(contract, line);
    });
    this.#farmer = farmer;
    const late = setTimeout(() => started.reject(new Error('it did not start')), START_MS);
    const ended = farmer.ended.then(({ code }) => {
      throw new Error(`it ended with ${code}`);
    });
    try {
      await Promise.race([started.promise, ended]);
      ended.catch(() => {});
    } catch (error) {
      throw new Error(`the farmer: ${error}\n${farmer.recentOutput.join('\n')}`, { cause: error });
    } finally {
      clearTimeout(late);
    }
  }

  /** @returns its exit code, null where it was killed */
  async endFarmer(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const farmer = this.#farmer;
    this.#farmer = undefined;
    return farmer === undefined ? null : (await farmer.end(signal)).code;
  }

  /** Spoils the chunk of a contract behind the farmer's back. */
  async spoil(contract: string, damage: Damage): Promise<void> {
    const path = this.dataDir.chunkPath(contract);
    switch (damage) {
      case 'truncated':
        return truncateSync(path, PLAN.chunkBytes / 2);
      case 'flipped': {
        await using file = await open(path, 'r+');
        const { buffer } = await file.read(Buffer.alloc(1), 0, 1, PLAN.chunkBytes / 2);
        await file.write(Buffer.of((buffer[0] ?? 0) ^ 1), 0, 1, PLAN.chunkBytes / 2);
        return;
      }
      case 'deleted':
        return rmSync(path);
      case 'a folder':
        rmSync(path);
        mkdirSync(join(path, 'inside'), { recursive: true });
    }
  }

  #count({ reason = 'unknown', count = 1 }: FarmerLine): void {
    this.missedByReason.set(reason, (this.missedByReason.get(reason) ?? 0) + count);
  }

  #genesis(): { genesisPath: string; genesisSha256: string } {
    const bytes = Buffer.concat([...randomio('soak', PLAN.chunkBytes)]);
    const genesisPath = join(this.#folder, 'genesis');
    writeFileSync(genesisPath, bytes);
    return { genesisPath, genesisSha256: createHash('sha256').update(bytes).digest('hex') };
  }
}
