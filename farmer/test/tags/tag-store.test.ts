import { readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { WorkerPool } from '../../src/chunks/worker-pool.ts';
import { TagStore } from '../../src/tags/tag-store.ts';
import { makeId } from '../fakes/builders.ts';
import { CHUNK_BYTES, type OfferedChunk, offerMerkle, offerSwizzle, TagFolder } from '../fakes/tag-folder.ts';

const folder = new TagFolder();
const FILES = ['tags.db', 'tags.replica.db'];
const listBoth = () => FILES.map((name) => folder.list(name));
const idsOf = (chunks: readonly OfferedChunk[]) => new Set(chunks.map(({ id }) => id));
const withTag = (chunk: OfferedChunk, tag: unknown) => ({ ...chunk, received: { ...chunk.received, tag } });

describe('TagStore.save', () => {
  it('stores tags in both files, readable only by their owner, and returns the number of challenges', async () => {
    expect(await folder.save(offerMerkle(1, 7), offerSwizzle(2))).toEqual([
      { challengeCount: 7 },
      { challengeCount: undefined },
    ]);
    expect(listBoth()).toEqual([
      [makeId(1), makeId(2)],
      [makeId(1), makeId(2)],
    ]);
    expect(FILES.map((name) => statSync(folder.join(name)).mode & 0o777)).toEqual([0o600, 0o600]);
  });

  it('rejects invalid tags and stores the others', async () => {
    const chunk = offerMerkle(1);
    const { tree, ...sizes } = Object(chunk.received.tag);
    const nodes: string[] = tree.nodes;
    const otherNode = Buffer.alloc(32).toString('base64');
    const invalid = [
      withTag(chunk, null),
      withTag(chunk, undefined),
      withTag(chunk, { ...sizes, tree: { ...tree, order: 1e9 } }),
      withTag(chunk, { ...sizes, tree: { ...tree, nodes: nodes.with(3, otherNode) } }),
      withTag(chunk, { ...sizes, tree: { ...tree, nodes: nodes.slice(1) } }),
      withTag(chunk, { ...sizes, tree, filesz: CHUNK_BYTES - 1 }),
      withTag(chunk, 'x'.repeat(100_000_000)),
      { ...chunk, received: { ...chunk.received, heartbeat: 'x'.repeat(10_000_000) } },
      { ...chunk, received: { ...offerSwizzle(1).received, heartbeat: 'AAAA' } },
    ];
    const valid = offerMerkle(2);
    const results = await folder.save(...invalid, valid);
    expect(results).toEqual([...invalid.map(() => 'invalid'), { challengeCount: 20 }]);
    expect(listBoth()).toEqual([[valid.id], [valid.id]]);
  });

  it('divides a large number of bytes into several jobs, and keeps the order of the results', async () => {
    const large = offerMerkle(1, 50_000);
    const chunks = [offerMerkle(2), large, offerMerkle(3), { ...large, id: makeId(4) }];
    expect(await folder.save(...chunks)).toEqual(
      [20, 50_000, 20, 50_000].map((challengeCount) => ({ challengeCount })),
    );
    expect(folder.list('tags.replica.db')).toHaveLength(4);
  });

  it('hands no more than 8 MiB to a thread at once, and no longer tag at all', async () => {
    const lengths: number[] = [];
    const run: WorkerPool['run'] = async (task, options) => {
      if (task.kind === 'tags') lengths.push(JSON.stringify(task).length);
      return await folder.pool.run(task, options);
    };
    const store = new TagStore({ folder: folder.path }, { pool: { run } });
    const tag = 'x'.repeat(3_000_000);
    const received = { scheme: 'Swizzle', heartbeat: '', tag } as const;
    const tags = [1, 2, 3, 4, 5].map((n) => ({ id: makeId(n), sizeBytes: 1, received }));
    const tooLong = { id: makeId(6), sizeBytes: 1, received: { ...received, tag: 'x'.repeat(9_000_000) } };
    expect(await store.save([...tags, tooLong])).toEqual(Array(6).fill('invalid'));
    store.close();
    expect(lengths.length).toBe(3);
    expect(Math.max(...lengths)).toBeLessThan(8 * 1024 * 1024);
  });

  it('replaces the tag of a contract', async () => {
    await folder.fill(offerMerkle(1, 300));
    const again = offerMerkle(1, 20);
    await folder.fill(again);
    expect(await folder.answer(again)).toBe(true);
    expect(listBoth()).toEqual([[makeId(1)], [makeId(1)]]);
  });

  it('fails with a remedy if a file cannot be written', async () => {
    writeFileSync(folder.join('tags.replica.db'), 'x'.repeat(10_000));
    await expect(folder.save(offerMerkle(1))).rejects.toMatchObject({ code: 'damaged' });
  });

  it('stores nothing while no tag is valid', async () => {
    await folder.save(withTag(offerMerkle(1), null));
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe('TagStore.settle', () => {
  it('waits until a tag that is being saved is stored', async () => {
    const chunk = offerMerkle(1);
    await folder.use(async (store) => {
      const saved = store.save([{ id: chunk.id, sizeBytes: CHUNK_BYTES, received: chunk.received }]);
      await store.settle();
      expect(listBoth()).toEqual([[chunk.id], [chunk.id]]);
      await saved;
    });
  });
});

describe('TagStore.close', () => {
  it('merges the logs into the files', async () => {
    await folder.use(async (store) => {
      await store.save([{ id: makeId(1), sizeBytes: CHUNK_BYTES, received: offerMerkle(1).received }]);
      expect(readdirSync(folder.path)).toContain('tags.replica.db-wal');
    });
    expect(readdirSync(folder.path).sort()).toEqual(FILES);
  });
});

describe('TagStore.remove', () => {
  it('removes tags from both files', async () => {
    const chunks = [offerMerkle(1), offerMerkle(2), offerSwizzle(3)];
    await folder.fill(...chunks);
    await folder.use(async (store) => {
      store.remove(makeId(1));
      store.remove(makeId(3));
      // Jobs run one after the other.
      await store.addToBackup(folder.join('backup'));
    });
    expect(listBoth()).toEqual([[makeId(2)], [makeId(2)]]);
    expect(folder.list('backup')).toEqual([makeId(2)]);
  });
});

describe('TagStore.recover', () => {
  const chunks = Array.from({ length: 30 }, (_, n) => offerMerkle(n, 256));
  const known = idsOf(chunks);
  const recover = async (ids = known) => await folder.recover(ids);
  const DAMAGES: [string, (path: string) => void][] = [
    ['deleted', (path) => rmSync(path)],
    ['truncated to 0 bytes', (path) => truncateSync(path, 0)],
    ['truncated to half its size', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
    ['overwritten', (path) => writeFileSync(path, Buffer.alloc(50_000, 'x'))],
  ];

  it('does nothing while there are no tags', async () => {
    expect(await recover(new Set())).toEqual({ restoredFiles: [], missing: [], removed: 0 });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it.each(FILES.flatMap((name) => DAMAGES.map(([damage, apply]) => ({ name, damage, apply }))))(
    'restores $name from the other file after it was $damage',
    async ({ name, apply }) => {
      await folder.fill(...chunks);
      apply(folder.join(name));
      expect(await recover()).toEqual({ restoredFiles: [name], missing: [], removed: 0 });
      expect(listBoth()).toEqual([[...known].sort(), [...known].sort()]);
      expect(await recover()).toEqual({ restoredFiles: [], missing: [], removed: 0 });
      // Only the restored file is left to prove from.
      rmSync(folder.join(FILES.find((other) => other !== name) ?? ''));
      const [chunk = offerMerkle(1)] = chunks;
      expect(await folder.answer(chunk)).toBe(true);
    },
  );

  it('combines the intact tags of two damaged files, and reports those that both have lost', async () => {
    await folder.fill(...chunks);
    const size = statSync(folder.join('tags.db')).size;
    truncateSync(folder.join('tags.db'), Math.floor(size / 8192) * 4096);
    const lost = makeId(29);
    folder.edit('tags.replica.db', `DELETE FROM tag_part WHERE id = (SELECT max(id) FROM tag_part)`);
    const report = await recover();
    expect(report).toEqual({ restoredFiles: ['tags.db'], missing: [lost], removed: 0 });
    expect(folder.list('tags.db')).toEqual([...known].filter((id) => id !== lost).sort());
    expect(readdirSync(folder.path).some((name) => name.startsWith('tags.db.damaged-'))).toBe(true);
  });

  it('reports no file as restored if both are missing', async () => {
    expect(await recover()).toEqual({ restoredFiles: [], missing: [...known], removed: 0 });
  });

  it('removes tags of unknown contracts, and copies those that only one file has', async () => {
    await folder.fill(...chunks);
    const [first = '', second = ''] = known;
    folder.edit('tags.db', `DELETE FROM tag WHERE contract_id = '${first}'`);
    folder.edit('tags.replica.db', `DELETE FROM tag WHERE contract_id = '${second}'`);
    const kept = new Set([first, second, makeId(1000)]);
    expect(await recover(kept)).toEqual({ restoredFiles: [], missing: [makeId(1000)], removed: 28 });
    expect(listBoth()).toEqual([
      [first, second],
      [first, second],
    ]);
  });

  it('does not touch a database of another program', async () => {
    folder.edit('tags.db', 'CREATE TABLE other (id INTEGER)');
    await expect(recover()).rejects.toMatchObject({ code: 'unusable' });
    expect(readdirSync(folder.path)).toEqual(['tags.db']);
  });
});
