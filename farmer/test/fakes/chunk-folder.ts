import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { deriveConvergentKey, encrypt, randomio } from '@downstream/file-encryptor';
import { afterAll, afterEach, beforeEach } from '@jest/globals';
import { createNodeDownloads } from '../../src/chunks/chunk-download.ts';
import { ChunkFiles } from '../../src/chunks/chunk-files.ts';
import { ChunkStore } from '../../src/chunks/chunk-store.ts';
import { createSingleFolder } from '../../src/chunks/single-folder.ts';
import { WorkerPool } from '../../src/chunks/worker-pool.ts';
import type { ChunkSource, ChunkTerms } from '../../src/contract/contract.ts';
import type { ChunkError } from '../../src/farming/errors.ts';
import type { CallOptions } from '../../src/farming/ports.ts';

export const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
export const GENESIS = Buffer.concat([...randomio('small genesis', 100_000)]);
export const CHUNK = Buffer.concat([...encrypt(deriveConvergentKey(sha256(GENESIS), 'secret'), [GENESIS])]);
export const HASH = sha256(CHUNK);
export const NODE_ORIGIN = 'http://node.example:5000';

interface ChunkStoreFakes {
  /** The body of every download. */
  readonly body?: Iterable<Buffer>;
  readonly timeoutMs?: number;
  readonly pool?: Pick<WorkerPool, 'run'>;
}

/** A temporary folder with a small genesis file, and a worker pool. */
export class ChunkFolder {
  path = '';
  readonly pool = new WorkerPool({ workers: 2 });

  constructor() {
    afterAll(async () => await this.pool.close());
    beforeEach(() => {
      this.path = mkdtempSync(join(tmpdir(), 'chunks-'));
      mkdirSync(this.join('chunks'));
      writeFileSync(this.genesis, GENESIS);
    });
    afterEach(() => rmSync(this.path, { recursive: true, force: true }));
  }

  get genesis(): string {
    return this.join('genesis');
  }

  join(name: string): string {
    return join(this.path, name);
  }

  names(): string[] {
    return readdirSync(this.join('chunks'));
  }

  createFiles(): ChunkFiles {
    return new ChunkFiles(this.join('chunks'));
  }

  /** A store, with what it reported. */
  createStore({ body = [CHUNK], timeoutMs = 30_000, pool = this.pool }: ChunkStoreFakes = {}) {
    const files = this.createFiles();
    const durations: number[] = [];
    const errors: string[] = [];
    const downloads: string[] = [];
    /** Errors that count against the disk. */
    const diskErrors: string[] = [];
    const locations = createSingleFolder(files);
    const events = {
      stored: () => {},
      cancelled: () => {},
      removed: () => {},
      read: () => {},
      failed: (_id: string, _location: unknown, { code }: ChunkError) => void diskErrors.push(code),
    };
    let repairs = 0;
    const chunks = new ChunkStore(
      {
        genesis: { path: this.genesis, sha256: sha256(GENESIS), size: GENESIS.length },
        timeoutMs,
      },
      {
        locations,
        events,
        pool,
        observer: {
          generated: (seconds) => void durations.push(seconds),
          proved: (seconds) => void durations.push(seconds),
          chunkFailed: (kind) => void errors.push(kind),
        },
        repairGenesis: async () => {
          repairs += 1;
          writeFileSync(this.genesis, GENESIS);
        },
      },
    );
    const download = async (url: string) => {
      downloads.push(url);
      return Readable.from(body);
    };
    const port = chunks.forNode(createNodeDownloads({ nodeUrl: NODE_ORIGIN, trustedOrigins: [] }, { download }));
    const toChunk = (id: string, source: ChunkSource): ChunkTerms => ({
      id,
      source,
      sizeBytes: GENESIS.length,
      proof: 'digest',
    });
    const store = {
      create: async (id: string, source: ChunkSource) => await port.create(toChunk(id, source)),
      /** Proves one chunk, and throws its error. */
      prove: async (id: string, challenge: string, options?: CallOptions) => {
        const chunk = toChunk(id, { kind: 'secret', secret: '' });
        const [outcome] = await Promise.all(port.prove([{ chunk, challenge }], options));
        if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error('no outcome');
        return outcome.response;
      },
      remove: async (id: string) => await port.remove(id),
    };
    return { store, files, locations, durations, errors, downloads, diskErrors, countRepairs: () => repairs };
  }
}
