import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { writeMarker } from '../../src/chunks/disk-marker.ts';
import { backup, backupToOutput } from '../../src/cli/backup.ts';
import { restore } from '../../src/cli/restore.ts';
import { FakeControl, FakeOutput } from '../fakes/fake-control.ts';
import { claimNode, contract, ids, StateDir } from '../fakes/state-dir.ts';

const dir = new StateDir();
const control = new FakeControl();
let output: FakeOutput;
beforeEach(() => {
  output = new FakeOutput();
});

const config = () => ({ dataDir: dir.path });
const file = () => join(control.folder, 'backup.db');
const restoreFile = async (init = false) => await restore(config(), { path: file(), init }, output.print);
const readAll = (folder = dir.path) =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]));

/** Creates a backup of three contracts, accepts a fourth one, and stops the farmer. */
async function prepare(): Promise<void> {
  dir.fill();
  await backup(config(), file(), output.print);
  const store = dir.open();
  claimNode(store).insert(contract(4));
  await writeMarker(dir.path, { farm: store.farmId ?? '', disk: 'disk' });
  dir.close();
  output.text = '';
}
const deleteState = (...names: string[]) => {
  for (const name of readdirSync(dir.path))
    if (name.startsWith('state.') && !names.includes(name)) rmSync(dir.join(name));
};

describe('backupToOutput', () => {
  it('writes the same bytes as a backup to a file, and leaves no file', async () => {
    dir.fill();
    expect(await backupToOutput(config(), { write: output.write, isTerminal: false })).toBe(0);
    expect(readdirSync(dir.path).filter((name) => !name.startsWith('state.'))).toEqual([]);
    await backup(config(), file(), () => {});
    expect(output.text).toBe(readFileSync(file(), 'latin1'));
  });

  it('fails if the output does not accept everything', async () => {
    dir.fill();
    output.acceptsBytes = 1_000;
    await expect(backupToOutput(config(), { write: output.write, isTerminal: false })).rejects.toMatchObject({
      code: 'incomplete',
    });
  });

  it('does not write secrets to a terminal', async () => {
    dir.fill();
    await expect(backupToOutput(config(), { write: output.write, isTerminal: true })).rejects.toMatchObject({
      code: 'terminal',
    });
    expect(output.text).toBe('');
  });
});

describe('restore', () => {
  it('restores all contracts and the token after state and replica were lost', async () => {
    await prepare();
    deleteState();
    expect(await restoreFile()).toBe(0);
    expect(output.text).toContain('restored 3 contracts of http://node:5000 with the payout address address\n');
    const node = claimNode(dir.open());
    expect({ token: node.token(), contracts: ids(node).length }).toEqual({ token: 'token', contracts: 3 });
  });

  it('restores into an empty directory only with --init, since its disk may not be mounted', async () => {
    await prepare();
    for (const name of readdirSync(dir.path)) rmSync(dir.join(name));
    await expect(restoreFile()).rejects.toMatchObject({ code: 'empty' });
    expect(readAll()).toEqual({});
    expect(await restoreFile(true)).toBe(0);
    expect(ids(claimNode(dir.open()))).toHaveLength(3);
  });

  it('moves a damaged state aside, with the write-ahead log that does not belong to the backup', async () => {
    await prepare();
    deleteState('state.db');
    truncateSync(dir.join('state.db'), 5_000);
    writeFileSync(dir.join('state.db-wal'), 'of the damaged state');
    await restoreFile();
    expect(existsSync(dir.join('state.db-wal'))).toBe(false);
    expect(readdirSync(dir.path).some((name) => name.includes('.damaged-'))).toBe(true);
    expect(ids(claimNode(dir.open()))).toHaveLength(3);
  });

  it('reads the write-ahead log beside a backup', async () => {
    const node = claimNode(dir.open());
    node.insert(contract(1));
    for (const suffix of ['', '-wal']) writeFileSync(file() + suffix, readFileSync(dir.join(`state.db${suffix}`)));
    dir.close();
    for (const name of readdirSync(dir.path)) rmSync(dir.join(name));
    await restoreFile(true);
    expect(ids(claimNode(dir.open()))).toHaveLength(1);
  });

  it.each<[string, () => void | Promise<void>, string]>([
    ['the state is intact', () => rmSync(dir.join('state.replica.db')), 'state.db is intact and newer'],
    ['the replica is intact', () => rmSync(dir.join('state.db')), 'state.replica.db is intact and newer'],
    ['the farmer is running', () => void dir.open(), 'a farmer is running in'],
    [
      'the directory belongs to another farmer',
      async () => {
        deleteState();
        await writeMarker(dir.path, { farm: 'another', disk: 'disk' });
      },
      'belong to different farmers',
    ],
    [
      'the backup is damaged',
      () => {
        deleteState();
        writeFileSync(file(), readFileSync(file()).fill(0xa5, 4096));
      },
      'is not an intact backup',
    ],
    [
      'the backup is empty',
      () => {
        deleteState();
        truncateSync(file(), 0);
      },
      'is not an intact backup',
    ],
    [
      'the backup is a database of another program',
      () => {
        deleteState();
        rmSync(file());
        using db = new DatabaseSync(file());
        db.exec('CREATE TABLE t (x)');
      },
      'is not an intact backup',
    ],
    [
      'the backup is a directory',
      () => {
        deleteState();
        rmSync(file());
        mkdirSync(file());
      },
      'cannot be read (EISDIR)',
    ],
    [
      'the backup does not exist',
      () => {
        deleteState();
        rmSync(file());
      },
      'cannot be read (ENOENT)',
    ],
  ])('changes nothing if %s', async (_, change, message) => {
    await prepare();
    await change();
    const before = readAll();
    await expect(restoreFile()).rejects.toThrow(message);
    expect(Object.keys(readAll())).toEqual(Object.keys(before));
    expect(readAll()['state.db']).toBe(before['state.db']);
  });

  it('changes nothing while a farmer answers on the control socket', async () => {
    await control.open();
    await expect(restore(control.config, { path: file(), init: true }, output.print)).rejects.toThrow(
      'a farmer is running in',
    );
  });
});
