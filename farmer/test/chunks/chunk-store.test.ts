import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { createFileError } from '../../src/chunks/chunk-errors.ts';
import type { ChunkFiles } from '../../src/chunks/chunk-files.ts';
import type { WorkerPool } from '../../src/chunks/worker-pool.ts';
import { ChunkError } from '../../src/farming/errors.ts';
import { CHUNK, ChunkFolder, GENESIS, HASH, NODE_ORIGIN, sha256 } from '../fakes/chunk-folder.ts';

const folder = new ChunkFolder();
const SECRET = { kind: 'secret', secret: 'secret' } as const;
const URL_SOURCE = { kind: 'url', url: `${NODE_ORIGIN}/download/x` } as const;
const OTHER_HASH = 'f'.repeat(64);

/** Resolves after the next call of this method. */
async function nextCall(files: ChunkFiles, name: 'remove' | 'discard'): Promise<void> {
  const work = files[name].bind(files);
  const done = Promise.withResolvers<void>();
  files[name] = async (path) => {
    await work(path);
    done.resolve();
  };
  await done.promise;
}

const replaceFile = (path: string, create: () => unknown) => {
  rmSync(path);
  create();
};
const flipBit = (path: string) =>
  writeFileSync(
    path,
    CHUNK.map((byte, at) => (at === 50_000 ? byte ^ 1 : byte)),
  );
const corruptGenesis = () => writeFileSync(folder.genesis, Buffer.alloc(GENESIS.length));
const timesOut = {
  run: async () => {
    throw new ChunkError('slow', 'slow');
  },
};

describe('ChunkStore.create', () => {
  it('generates a chunk from a secret, named by its hash and readable only by its owner', async () => {
    const { store, files, durations } = folder.createStore();
    await store.create(HASH, SECRET);
    expect(folder.names()).toEqual([HASH]);
    expect(readFileSync(files.path(HASH)).equals(CHUNK)).toBe(true);
    expect(statSync(files.path(HASH)).mode & 0o777).toBe(0o600);
    expect(durations).toHaveLength(1);
  });

  it('leaves no file if the hash differs from the contract, and reports no error of the disk', async () => {
    const { store, errors } = folder.createStore();
    await expect(store.create(OTHER_HASH, SECRET)).rejects.toMatchObject({ code: 'hash_mismatch' });
    expect({ names: folder.names(), errors }).toEqual({ names: [], errors: [] });
  });

  it('repairs a corrupt genesis file instead of blaming the contract', async () => {
    const { store, countRepairs } = folder.createStore();
    corruptGenesis();
    await expect(store.create(HASH, SECRET)).rejects.toMatchObject({ code: 'unreadable' });
    expect(countRepairs()).toBe(1);
    await store.create(HASH, SECRET);
    expect(folder.names()).toEqual([HASH]);
  });

  it.each<[string, () => void]>([
    ['missing', () => rmSync(folder.genesis)],
    ['unreadable', () => replaceFile(folder.genesis, () => mkdirSync(folder.genesis))],
    ['corrupt', corruptGenesis],
  ])('does not blame the disk of the chunk for a %s genesis file', async (_, damage) => {
    const { store, diskErrors, countRepairs } = folder.createStore();
    damage();
    await expect(store.create(HASH, SECRET)).rejects.toMatchObject({
      code: 'unreadable',
      details: { cause: 'genesis' },
    });
    expect({ diskErrors, names: folder.names(), repairs: countRepairs() }).toEqual({
      diskErrors: [],
      names: [],
      repairs: 1,
    });
  });

  it.each(['EIO', 'ENOENT'])(
    'does not blame the disk of a wrong chunk if checking the genesis file fails with %s',
    async (code) => {
      const run: WorkerPool['run'] = async (task) => {
        if (task.kind === 'hash') throw createFileError(code);
        return await folder.pool.run(task);
      };
      const { store, diskErrors, countRepairs } = folder.createStore({ pool: { run } });
      const source = { kind: 'secret', secret: 'another' } as const;
      await expect(store.create(HASH, source)).rejects.toMatchObject({ details: { cause: 'genesis' } });
      expect({ diskErrors, repairs: countRepairs() }).toEqual({ diskErrors: [], repairs: 1 });
    },
  );

  it('gives up a chunk that a disk does not flush in time, and leaves no file', async () => {
    const { store, files, diskErrors } = folder.createStore({ timeoutMs: 500 });
    const discarded = nextCall(files, 'discard');
    files.commit = async () => await new Promise(() => {});
    await expect(store.create(HASH, SECRET)).rejects.toMatchObject({ code: 'slow' });
    expect(diskErrors).toEqual(['slow']);
    await discarded;
    expect(folder.names()).toEqual([]);
  });

  it('deletes a chunk that is committed after it was given up', async () => {
    const { store, files, locations } = folder.createStore({ timeoutMs: 500 });
    const gate = Promise.withResolvers<void>();
    const removed = nextCall(files, 'remove');
    const commit = files.commit.bind(files);
    files.discard = async () => {};
    files.commit = async (...args) => {
      await gate.promise;
      await commit(...args);
    };
    locations.find = () => undefined;
    await expect(store.create(HASH, SECRET)).rejects.toMatchObject({ code: 'slow' });
    gate.resolve();
    await removed;
    expect(folder.names()).toEqual([]);
  });

  it('leaves no partial file on a full disk', async () => {
    const run: WorkerPool['run'] = async (task) => {
      if ('path' in task) writeFileSync(task.path, 'half');
      throw createFileError('ENOSPC');
    };
    const { store } = folder.createStore({ pool: { run } });
    await expect(store.create(HASH, SECRET)).rejects.toMatchObject({ code: 'disk_full' });
    expect(folder.names()).toEqual([]);
  });

  it('names a downloaded chunk only after verifying its hash', async () => {
    const { store } = folder.createStore();
    await store.create(HASH, URL_SOURCE);
    expect(folder.names()).toEqual([HASH]);
  });

  it('leaves no file after a download with another hash', async () => {
    const { store } = folder.createStore({ body: [Buffer.from('other')] });
    await expect(store.create(HASH, URL_SOURCE)).rejects.toMatchObject({ code: 'hash_mismatch' });
    expect(folder.names()).toEqual([]);
  });

  it('stops reading a download that is longer than a chunk', async () => {
    let blocks = 0;
    const endless = function* () {
      for (; blocks < 10_000; blocks++) yield Buffer.alloc(65_536);
    };
    const { store } = folder.createStore({ body: endless() });
    await expect(store.create(HASH, URL_SOURCE)).rejects.toMatchObject({ code: 'download_rejected' });
    expect(blocks).toBeLessThan(100);
    expect(folder.names()).toEqual([]);
  });

  it.each(['http://169.254.169.254/latest', 'http://node.example:5001/x', 'https://node.example:5000/x'])(
    'does not send a request to %s, which is not the node',
    async (url) => {
      const { store, downloads } = folder.createStore();
      await expect(store.create(HASH, { kind: 'url', url })).rejects.toMatchObject({ code: 'download_rejected' });
      expect(downloads).toEqual([]);
    },
  );

  it('leaves no file after a download that breaks off', async () => {
    const broken = function* () {
      yield Buffer.alloc(10);
      throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    };
    const { store } = folder.createStore({ body: broken() });
    await expect(store.create(HASH, URL_SOURCE)).rejects.toMatchObject({ code: 'download_failed' });
    expect(folder.names()).toEqual([]);
  });
});

describe('ChunkStore.prove', () => {
  it('computes the response to a challenge from the chunk on disk', async () => {
    const { store } = folder.createStore();
    await store.create(HASH, SECRET);
    expect(await store.prove(HASH, '0.5')).toBe(sha256(Buffer.concat([CHUNK, Buffer.from('0.5')])));
  });

  it.each<[string, (path: string) => void, string]>([
    ['has a flipped bit', flipBit, 'corrupt'],
    ['is truncated', (path) => writeFileSync(path, CHUNK.subarray(0, -1)), 'corrupt'],
    ['is empty', (path) => writeFileSync(path, ''), 'corrupt'],
    ['is missing', (path) => rmSync(path), 'unreadable'],
    ['is a directory', (path) => replaceFile(path, () => mkdirSync(path)), 'unreadable'],
    ['is a pipe without a writer', (path) => replaceFile(path, () => spawnSync('mkfifo', [path])), 'unreadable'],
  ])('returns no response from a chunk that %s, which can be created again', async (_, damage, code) => {
    const { store, files, errors } = folder.createStore();
    await store.create(HASH, SECRET);
    damage(files.path(HASH));
    await expect(store.prove(HASH, '0.5')).rejects.toMatchObject({ code });
    expect(errors).toEqual([code]);
    await store.create(HASH, SECRET);
    expect(await store.prove(HASH, '0.5')).toHaveLength(64);
  });

  it('blames the disk for a timeout, unless the limit before the deadline was short', async () => {
    const { store, files, diskErrors, errors } = folder.createStore({ pool: timesOut });
    writeFileSync(files.path(HASH), CHUNK);
    await expect(store.prove(HASH, '0.5', { timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'slow' });
    expect({ diskErrors, errors }).toEqual({ diskErrors: [], errors: ['slow'] });
    for (const timeoutMs of [10_000, 60_000])
      await expect(store.prove(HASH, '0.5', { timeoutMs })).rejects.toMatchObject({ code: 'slow' });
    expect(diskErrors).toEqual(['slow', 'slow']);
  });

  it('blames the disk for exceeding the configured timeout, however short that is', async () => {
    const { store, files, diskErrors } = folder.createStore({ pool: timesOut, timeoutMs: 2_000 });
    writeFileSync(files.path(HASH), CHUNK);
    await expect(store.prove(HASH, '0.5', { timeoutMs: 1_999 })).rejects.toMatchObject({ code: 'slow' });
    expect(diskErrors).toEqual([]);
    await expect(store.prove(HASH, '0.5', { timeoutMs: 5_000 })).rejects.toMatchObject({ code: 'slow' });
    expect(diskErrors).toEqual(['slow']);
  });
});

describe('ChunkStore in an exhausted process', () => {
  it('counts failed generations, checks and proofs as exhausted, and does not repair the genesis file', async () => {
    let generate: WorkerPool['run'] = folder.pool.run.bind(folder.pool);
    const run: WorkerPool['run'] = async (task) => {
      if (task.kind !== 'chunk') throw createFileError('EMFILE');
      return await generate(task);
    };
    const { store, files, errors, countRepairs } = folder.createStore({ pool: { run } });
    await expect(store.create(OTHER_HASH, SECRET)).rejects.toMatchObject({ code: 'exhausted' });
    generate = async () => {
      throw createFileError('EMFILE');
    };
    await expect(store.create(HASH, SECRET)).rejects.toMatchObject({ code: 'exhausted' });
    writeFileSync(files.path(HASH), CHUNK);
    await expect(store.prove(HASH, '0.5')).rejects.toMatchObject({ code: 'exhausted' });
    expect({ errors, repairs: countRepairs() }).toEqual({ errors: Array(3).fill('exhausted'), repairs: 0 });
  });
});

describe('ChunkStore.remove', () => {
  it('does not delete a chunk that is created again while the deletion waits for the disk', async () => {
    const { store, files } = folder.createStore();
    await store.create(HASH, SECRET);
    const disk = Promise.withResolvers<void>();
    const remove = files.remove.bind(files);
    files.remove = async (id) => {
      await disk.promise;
      await remove(id);
    };
    const removed = store.remove(HASH);
    const created = store.create(HASH, SECRET);
    await setImmediate();
    disk.resolve();
    await Promise.all([removed, created]);
    expect(folder.names()).toEqual([HASH]);
  });

  it('gives up a chunk whose deletion does not finish in time', async () => {
    const { store, files } = folder.createStore({ timeoutMs: 300 });
    await store.create(HASH, SECRET);
    files.remove = async () => await new Promise(() => {});
    void store.remove(HASH);
    await expect(store.create(HASH, SECRET)).rejects.toMatchObject({ code: 'slow' });
  });

  it('accepts a chunk that does not exist', async () => {
    const { store } = folder.createStore();
    await store.create(HASH, SECRET);
    await store.remove(HASH);
    await store.remove(HASH);
    expect(folder.names()).toEqual([]);
  });
});
