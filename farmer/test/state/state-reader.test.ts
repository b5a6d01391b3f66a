import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { openStateReader } from '../../src/state/state-reader.ts';
import { makeId } from '../fakes/builders.ts';
import { claimNode, contract, ids, outcome, StateDir } from '../fakes/state-dir.ts';

const dir = new StateDir();
const statePath = () => dir.join('state.db');

describe('StateStore.backup', () => {
  it('writes a complete state, readable only by its owner, while contracts are accepted', async () => {
    const store = dir.open();
    const node = claimNode(store);
    node.saveToken('token');
    for (let n = 1; n <= 50; n++) node.insert(contract(n));
    const path = dir.join('backup.db');
    const bytes = await store.backup(path);
    node.insert(contract(51));
    expect({ bytes: statSync(path).size, mode: statSync(path).mode & 0o777 }).toEqual({ bytes, mode: 0o600 });
    dir.close();
    for (const name of readdirSync(dir.path)) if (name !== 'backup.db') rmSync(dir.join(name));
    copyFileSync(path, statePath());
    const restored = claimNode(dir.open());
    expect({ token: restored.token(), contracts: ids(restored).length }).toEqual({ token: 'token', contracts: 50 });
  });

  it('never overwrites a file, and leaves no partial file', async () => {
    const store = dir.open();
    await expect(store.backup(statePath())).rejects.toMatchObject({ code: 'exists' });
    await expect(store.backup(dir.join('absent/backup.db'))).rejects.toMatchObject({ code: 'not_writable' });
    expect(existsSync(dir.join('absent'))).toBe(false);
    expect(readdirSync(dir.path).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('changes no other file, whatever its name, and does not replace a link', async () => {
    const store = dir.open();
    writeFileSync(dir.join('backup.db.partial'), 'of someone else');
    symlinkSync(dir.join('absent'), dir.join('link.db'));
    await store.backup(dir.join('backup.db'));
    await expect(store.backup(dir.join('link.db'))).rejects.toMatchObject({ code: 'exists' });
    await expect(store.backup(dir.join('absent/backup.db'))).rejects.toMatchObject({ code: 'not_writable' });
    expect(readFileSync(dir.join('backup.db.partial'), 'utf8')).toBe('of someone else');
    expect(
      readdirSync(dir.path)
        .filter((name) => /backup|link/.test(name))
        .sort(),
    ).toEqual(['backup.db', 'backup.db.partial', 'link.db']);
  });
});

describe('openStateReader', () => {
  const read = () => {
    const reader = openStateReader(dir.path, dir.clock);
    if (reader === undefined) throw new Error('no state');
    return reader;
  };

  it('reads and backs up a state without changing it', async () => {
    const node = claimNode(dir.open());
    node.insert(contract(1));
    node.update(contract(1), outcome('missed', 2));
    dir.close();
    const before = readFileSync(statePath());
    const reader = read();
    expect(reader.journal.list(makeId(1), 5)).toMatchObject([{ outcome: 'missed' }]);
    expect(await reader.backup(dir.join('backup.db'))).toBe(statSync(dir.join('backup.db')).size);
    reader.close();
    expect(readFileSync(statePath()).equals(before)).toBe(true);
  });

  it('reads the write-ahead log of a farmer that was killed', () => {
    claimNode(dir.open()).insert(contract(1));
    for (const suffix of ['', '-wal']) copyFileSync(`${statePath()}${suffix}`, dir.join(`killed${suffix}`));
    dir.close();
    for (const suffix of ['', '-wal']) copyFileSync(dir.join(`killed${suffix}`), `${statePath()}${suffix}`);
    const reader = read();
    expect(reader.journal.findContracts(makeId(1), 2)).toEqual([makeId(1)]);
    reader.close();
  });

  it('distinguishes a missing, damaged, empty, foreign and locked state', () => {
    expect(openStateReader(dir.path, dir.clock)).toBeUndefined();
    writeFileSync(statePath(), 'this is a text file, long enough for SQLite to look at it as a database');
    expect(read).toThrow(expect.objectContaining({ code: 'damaged' }));
    writeFileSync(statePath(), '');
    expect(read).toThrow(expect.objectContaining({ code: 'unusable', message: expect.stringContaining('is empty') }));
    const db = new DatabaseSync(statePath());
    db.exec('CREATE TABLE contract (x)');
    db.close();
    expect(read).toThrow(expect.objectContaining({ code: 'unusable' }));
    rmSync(statePath());
    dir.open();
    expect(read).toThrow(expect.objectContaining({ code: 'locked' }));
  });
});
