import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openDatabase, openReadOnly } from '@downstream/platform/sqlite';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const SCHEMA = { applicationId: 7, version: 1, sql: 'CREATE TABLE thing (id INTEGER);' };
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sqlite-'));
});
afterEach(() => rmSync(root, { recursive: true }));
const path = (name: string) => join(root, name);

describe('openDatabase', () => {
  it('neither opens nor changes what a link points to', () => {
    openDatabase(path('other.db'), SCHEMA).close();
    chmodSync(path('other.db'), 0o644);
    writeFileSync(path('empty'), '', { mode: 0o644 });
    for (const target of ['other.db', 'empty', 'absent']) {
      symlinkSync(path(target), path('state.db'));
      for (const open of [openDatabase, openReadOnly])
        expect(() => open(path('state.db'), SCHEMA)).toThrow(expect.objectContaining({ code: 'not_a_file' }));
      rmSync(path('state.db'));
    }
    const modes = ['other.db', 'empty'].map((name) => statSync(path(name)).mode & 0o777);
    expect({ modes, names: readdirSync(root).sort() }).toEqual({ modes: [0o644, 0o644], names: ['empty', 'other.db'] });
  });

  it.each<[string, string, () => void]>([
    ['damaged', 'damaged', () => writeFileSync(path('state.db'), 'x'.repeat(10_000))],
    [
      'of another program',
      'foreign',
      () => {
        const db = new DatabaseSync(path('state.db'));
        db.exec('CREATE TABLE other (id INTEGER)');
        db.close();
      },
    ],
  ])('does not change the mode of a file that is %s', (_, code, create) => {
    create();
    chmodSync(path('state.db'), 0o644);
    expect(() => openDatabase(path('state.db'), SCHEMA)).toThrow(expect.objectContaining({ code }));
    expect(statSync(path('state.db')).mode & 0o777).toBe(0o644);
  });
});
