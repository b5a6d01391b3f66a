import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { deriveConvergentKey, encrypt, randomio } from '@downstream/file-encryptor';
import { waitAtMost } from '@downstream/platform';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createFileError } from '../../src/chunks/chunk-errors.ts';
import { ChunkFiles } from '../../src/chunks/chunk-files.ts';
import { ChunkStore } from '../../src/chunks/chunk-store.ts';
import { ensureStandardGenesis, openGenesis } from '../../src/chunks/genesis.ts';
import { SingleFolder } from '../../src/chunks/single-folder.ts';
import { WorkerPool } from '../../src/chunks/worker-pool.ts';
import { ChunkError } from '../../src/farming/errors.ts';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const GENESIS = Buffer.concat([...randomio('small genesis', 100_000)]);
const CHUNK = Buffer.concat([...encrypt(deriveConvergentKey(sha256(GENESIS), 'secret'), [GENESIS])]);
const HASH = sha256(CHUNK);
const NODE = 'http://node.example:5000';
const URL_SOURCE = { kind: 'url', url: `${NODE}/download/x` } as const;

let folder: string;
let pool: WorkerPool;
beforeAll(() => {
  pool = new WorkerPool({ workers: 2 });
});
afterAll(async () => await pool.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chunk-store-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A store over a small genesis file; downloads give `body`. */
function aStore(
  body: Iterable<Buffer> = [CHUNK],
  { timeoutMs = 30_000, workers = pool }: { timeoutMs?: number; workers?: Pick<WorkerPool, 'run'> } = {},
) {
  const path = join(folder, 'genesis');
  writeFileSync(path, GENESIS);
  const files = new ChunkFiles(join(folder, 'chunks'));
  mkdirSync(files.folder);
  const durations: number[] = [];
  const faults: string[] = [];
  const fetched: string[] = [];
  const downloads = {
    download: async (url: string) => {
      fetched.push(url);
      return Readable.from(body);
    },
  };
  const observer = {
    generated: (seconds: number) => durations.push(seconds),
    proved: (seconds: number) => durations.push(seconds),
    chunkFailed: (fault: string) => faults.push(fault),
  };
  const genesis = { path, sha256: sha256(GENESIS), size: GENESIS.length };
  let repaired = 0;
  const repairGenesis = async () => {
    repaired += 1;
    writeFileSync(path, GENESIS);
  };
  const blamed: string[] = [];
  const locations = new SingleFolder(files);
  const events = {
    stored: () => {},
    cancelled: () => {},
    removed: () => {},
    read: () => {},
    failed: (_id: string, _location: unknown, { code }: ChunkError) => void blamed.push(code),
  };
  const store = new ChunkStore(
    { genesis, downloadOrigins: new Set([NODE]), timeoutMs },
    { locations, events, pool: workers, downloads, observer, repairGenesis },
  );
  return {
    store,
    files,
    locations,
    /** What the disk was said to have failed with. */
    blamed,
    repairs: () => repaired,
    durations,
    faults,
    fetched,
    names: () => readdirSync(files.folder),
  };
}

/** Until the next call of this method is done. */
async function whenDone(files: ChunkFiles, name: 'remove' | 'discard'): Promise<void> {
  const work = files[name].bind(files);
  const done = Promise.withResolvers<void>();
  files[name] = async (path) => {
    await work(path);
    done.resolve();
  };
  await done.promise;
}

/** Something else in a file's place. */
const remake = (path: string, make: () => unknown) => {
  rmSync(path);
  make();
};

describe('a chunk', () => {
  it('is made from a secret, named by its hash, for its owner alone', async () => {
    const { store, files, durations, names } = aStore();
    await store.create(HASH, { kind: 'secret', secret: 'secret' });
    expect(names()).toEqual([HASH]);
    expect(readFileSync(files.path(HASH)).equals(CHUNK)).toBe(true);
    expect(statSync(files.path(HASH)).mode & 0o777).toBe(0o600);
    expect(durations).toHaveLength(1);
  });

  it('with another hash than it should have leaves nothing behind, and is no fault of the disk', async () => {
    const { store, names, faults } = aStore();
    await expect(store.create('f'.repeat(64), { kind: 'secret', secret: 'secret' })).rejects.toMatchObject({
      code: 'hash_mismatch',
    });
    expect(names()).toEqual([]);
    expect(faults).toEqual([]);
  });

  it('answers a challenge from its bytes on disk', async () => {
    const { store } = aStore();
    await store.create(HASH, { kind: 'secret', secret: 'secret' });
    expect(await store.prove(HASH, '0.5')).toBe(sha256(Buffer.concat([CHUNK, Buffer.from('0.5')])));
  });

  it.each<[string, (path: string) => void, string]>([
    [
      'has one flipped bit',
      (path) =>
        writeFileSync(
          path,
          CHUNK.map((byte, at) => (at === 50_000 ? byte ^ 1 : byte)),
        ),
      'corrupt',
    ],
    ['is cut short', (path) => writeFileSync(path, CHUNK.subarray(0, -1)), 'corrupt'],
    ['is empty', (path) => writeFileSync(path, ''), 'corrupt'],
    ['is gone', (path) => rmSync(path), 'unreadable'],
    ['is a folder', (path) => remake(path, () => mkdirSync(path)), 'unreadable'],
    ['is a pipe that nobody writes to', (path) => remake(path, () => spawnSync('mkfifo', [path])), 'unreadable'],
  ])('that %s gives no answer, and is counted', async (_, damage, code) => {
    const { store, files, faults } = aStore();
    await store.create(HASH, { kind: 'secret', secret: 'secret' });
    damage(files.path(HASH));
    await expect(store.prove(HASH, '0.5')).rejects.toMatchObject({ code });
    expect(faults).toEqual([code]);
    await store.create(HASH, { kind: 'secret', secret: 'secret' });
    expect(await store.prove(HASH, '0.5')).toHaveLength(64);
  });

  it.each(['../../etc/passwd', '', 'x'.repeat(10_000_000), `${HASH}/`, HASH.toUpperCase()])(
    'is never looked for under a name that is no hash',
    async (name) => {
      const { files } = aStore();
      expect(() => files.path(name)).toThrow(RangeError);
    },
  );

  it('is not refused because the genesis file has rotted: that is noticed, and made good', async () => {
    const { store, files, repairs } = aStore();
    const path = join(folder, 'genesis');
    writeFileSync(path, Buffer.alloc(GENESIS.length, 'rot'));
    await expect(store.create(HASH, { kind: 'secret', secret: 'secret' })).rejects.toMatchObject({
      code: 'unreadable',
    });
    expect(repairs()).toBe(1);
    await store.create(HASH, { kind: 'secret', secret: 'secret' });
    expect(existsSync(files.path(HASH))).toBe(true);
  });

  it.each<[string, (path: string) => void]>([
    ['is gone', (path) => rmSync(path)],
    ['can not be read', (path) => remake(path, () => mkdirSync(path))],
    ['has rotted', (path) => writeFileSync(path, Buffer.alloc(GENESIS.length, 'rot'))],
  ])('that is not made since the genesis file %s is no fault of the disk that it was for', async (_, harm) => {
    const { store, blamed, names, repairs } = aStore();
    const path = join(folder, 'genesis');
    harm(path);
    await expect(store.create(HASH, { kind: 'secret', secret: 'secret' })).rejects.toMatchObject({
      code: 'unreadable',
      details: { cause: 'genesis' },
    });
    expect([blamed, names(), repairs()]).toEqual([[], [], 1]);
  });

  it.each(['EIO', 'ENOENT'])(
    'that came out wrong is no fault of its disk where the genesis file can not be looked at: %s',
    async (code) => {
      const run: WorkerPool['run'] = async (task) => {
        if (task.kind === 'hash') throw createFileError(code);
        return await pool.run(task);
      };
      const { store, blamed, repairs } = aStore(undefined, { workers: { run } });
      const source = { kind: 'secret', secret: 'another' } as const;
      await expect(store.create(HASH, source)).rejects.toMatchObject({ details: { cause: 'genesis' } });
      expect([blamed, repairs()]).toEqual([[], 1]);
    },
  );

  it('that is not proved since its deadline was near is no fault of its disk, unlike one that is not read at all', async () => {
    const run = async () => {
      throw new ChunkError('slow', 'slow');
    };
    const { store, files, blamed, faults } = aStore(undefined, { workers: { run } });
    writeFileSync(files.path(HASH), CHUNK);
    await expect(store.prove(HASH, '0.5', { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'slow' });
    expect([blamed, faults]).toEqual([[], ['slow']]);
    for (const timeoutMs of [10_000, 60_000]) {
      await expect(store.prove(HASH, '0.5', { timeoutMs })).rejects.toMatchObject({ code: 'slow' });
    }
    expect(blamed).toEqual(['slow', 'slow']);
  });

  it('that is not read within a read timeout of the operator, however short, is told to the disk', async () => {
    const run = async () => {
      throw new ChunkError('slow', 'slow');
    };
    const { store, files, blamed } = aStore(undefined, { workers: { run }, timeoutMs: 2_000 });
    writeFileSync(files.path(HASH), CHUNK);
    await expect(store.prove(HASH, '0.5', { timeoutMs: 1_999 })).rejects.toMatchObject({ code: 'slow' });
    expect(blamed).toEqual([]);
    await expect(store.prove(HASH, '0.5', { timeoutMs: 5_000 })).rejects.toMatchObject({ code: 'slow' });
    expect(blamed).toEqual(['slow']);
  });

  it('that a disk does not flush in time is given up, and leaves nothing behind', async () => {
    const { store, files, blamed, names } = aStore(undefined, { timeoutMs: 500 });
    const discarded = whenDone(files, 'discard');
    files.commit = async () => await new Promise(() => {});
    await expect(store.create(HASH, { kind: 'secret', secret: 'secret' })).rejects.toMatchObject({ code: 'slow' });
    expect(blamed).toEqual(['slow']);
    await discarded;
    expect(names()).toEqual([]);
  });

  it('that hangs on its way to the disk leaves threads for the other files', async () => {
    const { files } = aStore();
    const partials = [1, 2, 3, 4].map(() => files.partialPath(HASH));
    // Opening a pipe that nobody writes to hangs as a file on a lost network mount does.
    for (const path of partials) execFileSync('mkfifo', [path]);
    const commits = Promise.allSettled(partials.map(async (path) => await files.commit(path, HASH)));
    try {
      await expect(waitAtMost(2_000, stat(folder))).resolves.toBeDefined();
    } finally {
      const ends = partials.map((path) => openSync(path, 'r+'));
      await commits;
      for (const end of ends) closeSync(end);
    }
  });

  it('that is removed twice is no error', async () => {
    const { store, names } = aStore();
    await store.create(HASH, { kind: 'secret', secret: 'secret' });
    await store.remove(HASH);
    await store.remove(HASH);
    expect(names()).toEqual([]);
  });

  it('that comes after it was given up is deleted: nobody knows of it', async () => {
    const { store, files, names, locations } = aStore(undefined, { timeoutMs: 500 });
    const gate = Promise.withResolvers<void>();
    const removed = whenDone(files, 'remove');
    const commit = files.commit.bind(files);
    files.discard = async () => {};
    files.commit = async (...args) => {
      await gate.promise;
      await commit(...args);
    };
    locations.find = () => undefined;
    await expect(store.create(HASH, { kind: 'secret', secret: 'secret' })).rejects.toMatchObject({ code: 'slow' });
    gate.resolve();
    await removed;
    expect(names()).toEqual([]);
  });

  it('half-written is never taken for one, and goes at the next start', async () => {
    const { files, names } = aStore();
    const former = new ChunkFiles(files.folder);
    writeFileSync(files.partialPath(HASH), 'being written');
    for (const path of [former.partialPath(HASH), former.partialPath(HASH)]) writeFileSync(path, 'half');
    expect(await files.list()).toEqual(new Set());
    expect(await files.removePartial(() => {})).toBe(1);
    expect(names()).toHaveLength(1);
  });

  it('half-written that can not be deleted keeps nothing else from going', async () => {
    const { files, names } = aStore();
    const former = new ChunkFiles(files.folder);
    const stubborn = former.partialPath('0'.repeat(64));
    mkdirSync(stubborn);
    writeFileSync(former.partialPath(HASH), 'half');
    const failures: unknown[] = [];
    expect(await files.removePartial((error) => failures.push(error))).toBe(1);
    expect([names(), failures]).toEqual([[basename(stubborn)], [expect.objectContaining({ code: 'ERR_FS_EISDIR' })]]);
  });
});

describe('a download', () => {
  it('takes its name when its hash matched', async () => {
    const { store, names } = aStore();
    await store.create(HASH, URL_SOURCE);
    expect(names()).toEqual([HASH]);
  });

  it('with other bytes leaves nothing behind', async () => {
    const { store, names } = aStore([Buffer.from('other')]);
    await expect(store.create(HASH, URL_SOURCE)).rejects.toMatchObject({ code: 'hash_mismatch' });
    expect(names()).toEqual([]);
  });

  it('is cut off when it is longer than a chunk, without reading on', async () => {
    let pulled = 0;
    const endless = function* () {
      for (; pulled < 10_000; pulled++) yield Buffer.alloc(65_536);
    };
    const { store, names } = aStore(endless());
    await expect(store.create(HASH, URL_SOURCE)).rejects.toMatchObject({ code: 'download_rejected' });
    expect(pulled).toBeLessThan(100);
    expect(names()).toEqual([]);
  });

  it.each(['http://169.254.169.254/latest', 'http://node.example:5001/x', 'https://node.example:5000/x'])(
    'from %s is not even tried',
    async (url) => {
      const { store, fetched } = aStore();
      await expect(store.create(HASH, { kind: 'url', url })).rejects.toMatchObject({ code: 'download_rejected' });
      expect(fetched).toEqual([]);
    },
  );

  it('that breaks off leaves nothing behind, and may be tried again', async () => {
    const broken = function* () {
      yield Buffer.alloc(10);
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    };
    const { store, names } = aStore(broken());
    await expect(store.create(HASH, URL_SOURCE)).rejects.toMatchObject({ code: 'download_failed' });
    expect(names()).toEqual([]);
  });
});

describe('the genesis file', () => {
  it('is made once, checked at each start, and made again when it is damaged', async () => {
    const path = join(folder, 'genesis');
    const genesis = await ensureStandardGenesis(path, pool);
    expect(genesis).toEqual({ path, sha256: STANDARD_GENESIS.sha256, size: 33_554_432 });
    const before = statSync(path).ino;
    await ensureStandardGenesis(path, pool);
    expect(statSync(path).ino).toBe(before);
    writeFileSync(path, 'damaged');
    await ensureStandardGenesis(path, pool);
    expect(sha256(readFileSync(path))).toBe(STANDARD_GENESIS.sha256);
    expect(existsSync(`${path}.partial`)).toBe(false);
  });

  it("of the operator's own is refused when it has another hash, is not there, or is empty", async () => {
    const path = join(folder, 'own');
    await expect(openGenesis(path, 'a'.repeat(64), pool)).rejects.toMatchObject({ code: 'unreadable' });
    writeFileSync(path, 'x');
    await expect(openGenesis(path, 'a'.repeat(64), pool)).rejects.toMatchObject({
      code: 'wrong_hash',
      message: expect.stringContaining(sha256('x')),
    });
    expect(await openGenesis(path, sha256('x'), pool)).toMatchObject({ size: 1 });
    writeFileSync(path, '');
    await expect(openGenesis(path, sha256(''), pool)).rejects.toMatchObject({ code: 'unreadable' });
  });
});

describe('a process without file handles or memory', () => {
  it.each(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'])(
    'is told apart, with what to do, and is no fault of a chunk: %s',
    (code) => {
      expect(createFileError(code)).toMatchObject({ code: 'exhausted', message: expect.stringContaining('ulimit') });
    },
  );

  it('is counted as that, of proofs and of chunks that are not made, and has no genesis file made again', async () => {
    let hash: WorkerPool['run'] = pool.run.bind(pool);
    const run: WorkerPool['run'] = async (task) => {
      if (task.kind !== 'chunk') throw createFileError('EMFILE');
      return await hash(task);
    };
    const { store, files, faults, repairs } = aStore(undefined, { workers: { run } });
    await expect(store.create('f'.repeat(64), { kind: 'secret', secret: 's' })).rejects.toMatchObject({
      code: 'exhausted',
    });
    hash = async () => {
      throw createFileError('EMFILE');
    };
    await expect(store.create(HASH, { kind: 'secret', secret: 's' })).rejects.toMatchObject({ code: 'exhausted' });
    writeFileSync(files.path(HASH), CHUNK);
    await expect(store.prove(HASH, '0.5')).rejects.toMatchObject({ code: 'exhausted' });
    expect([faults, repairs()]).toEqual([['exhausted', 'exhausted', 'exhausted'], 0]);
  });
});

describe('a full disk', () => {
  it('is told apart, with what to do', () => {
    expect(createFileError('ENOSPC')).toMatchObject({
      code: 'disk_full',
      message: expect.stringContaining('FARMER_SIZE'),
    });
  });

  it('leaves nothing half-written behind', async () => {
    const { files, names } = aStore();
    const run: WorkerPool['run'] = async (task) => {
      writeFileSync(task.path, 'half');
      throw createFileError('ENOSPC');
    };
    const full = new ChunkStore(
      {
        genesis: { path: join(folder, 'genesis'), sha256: sha256(GENESIS), size: GENESIS.length },
        downloadOrigins: new Set(),
      },
      {
        locations: new SingleFolder(files),
        pool: { run },
        downloads: { download: async () => Readable.from([]) },
      },
    );
    await expect(full.create(HASH, { kind: 'secret', secret: 'secret' })).rejects.toMatchObject({ code: 'disk_full' });
    expect(names()).toEqual([]);
  });
});

describe('the worker pool', () => {
  it('gives a task up that takes too long, and goes on with others', async () => {
    const own = new WorkerPool({ workers: 1 });
    const big = { kind: 'randomio', path: join(folder, 'big'), seed: 's', size: 1 << 30 } as const;
    await expect(own.run(big, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'slow' });
    const path = join(folder, 'small');
    expect((await own.run({ kind: 'randomio', path, seed: 's', size: 10 })).value).toHaveLength(64);
    await own.close();
  });

  it('says that work was given up when it is closed meanwhile', async () => {
    const own = new WorkerPool({ workers: 1 });
    const path = join(folder, 'big');
    const work = own.run({ kind: 'randomio', path, seed: 's', size: 1 << 30 });
    const ended = expect(work).rejects.toMatchObject({ code: 'interrupted' });
    await own.close();
    await ended;
  });
});
