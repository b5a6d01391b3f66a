import { copyFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { writeMarker } from '../../src/chunks/disk-marker.ts';
import { backup } from '../../src/cli/backup.ts';
import { restore } from '../../src/cli/restore.ts';
import { claimNode, contract, ids, StateDir } from '../fakes/state-dir.ts';
import { offerMerkle, TagFolder } from '../fakes/tag-folder.ts';

const dir = new StateDir();
const tags = new TagFolder();
const chunks = [offerMerkle(1), offerMerkle(2), offerMerkle(3)];
const known = new Set(chunks.map(({ id }) => id));
const file = () => dir.join('backup');

/** A stopped farmer with three contracts and their tags, and the backup of it. */
beforeEach(async () => {
  tags.path = dir.path;
  dir.fill();
  await writeMarker(dir.path, { farm: dir.open().farmId ?? '', disk: 'disk' });
  dir.close();
  await tags.fill(...chunks);
  await backup({ dataDir: dir.path }, file(), () => {});
});

const remove = (prefix: string) => {
  for (const name of readdirSync(dir.path)) if (name.startsWith(prefix)) rmSync(dir.join(name));
};
const restoreFile = async () => await restore({ dataDir: dir.path }, { path: file(), init: false }, () => {});

describe('a backup', () => {
  it('contains the tags, and a restored farmer proves its chunks', async () => {
    remove('state.');
    remove('tags.');
    expect(await restoreFile()).toBe(0);
    expect(ids(claimNode(dir.open()))).toHaveLength(3);
    expect(await tags.recover(known)).toEqual({ restoredFiles: ['tags.replica.db'], missing: [], removed: 0 });
    for (const chunk of chunks) expect(await tags.answer(chunk)).toBe(true);
  });

  it('leaves no tag in the restored state', async () => {
    remove('state.');
    await restoreFile();
    using db = new DatabaseSync(dir.join('state.db'));
    expect(db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'tag%'").all()).toEqual([]);
  });

  it('keeps tags that are newer than the backup', async () => {
    const newer = offerMerkle(4);
    await tags.fill(newer);
    remove('state.');
    await restoreFile();
    expect(tags.list('tags.db')).toEqual([...known, newer.id]);
  });

  it('replaces a damaged tag file, and takes the rest from the replica', async () => {
    const newer = offerMerkle(4);
    await tags.fill(newer);
    writeFileSync(dir.join('tags.db'), 'x'.repeat(50_000));
    remove('state.');
    await restoreFile();
    await tags.recover(new Set([...known, newer.id]));
    expect(await tags.answer(newer)).toBe(true);
    expect(tags.list('tags.db')).toEqual([...known, newer.id]);
  });

  it('reads the tags from the replica if the other file is damaged', async () => {
    copyFileSync(file(), dir.join('first'));
    rmSync(file());
    truncateSync(dir.join('tags.db'), 5_000);
    await backup({ dataDir: dir.path }, file(), () => {});
    expect(tags.list('backup')).toEqual(tags.list('first'));
  });

  it('of a farmer without tags has no tables for them', async () => {
    remove('tags.');
    await backup({ dataDir: dir.path }, dir.join('other'), () => {});
    using db = new DatabaseSync(dir.join('other'));
    expect(db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'tag%'").all()).toEqual([]);
    remove('state.');
    rmSync(file());
    copyFileSync(dir.join('other'), file());
    await restoreFile();
    expect(readdirSync(dir.path).filter((name) => name.startsWith('tags.'))).toEqual([]);
  });
});

describe('StateStore.taggedContractIds', () => {
  it('lists the contracts whose proofs need a tag', () => {
    const store = dir.open();
    const { terms, ...rest } = contract(7);
    claimNode(store).insert({ ...rest, terms: { ...terms, proof: 'Merkle' } });
    expect([...store.taggedContractIds()]).toEqual([terms.id]);
  });
});
