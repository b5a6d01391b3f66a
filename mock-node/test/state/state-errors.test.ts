import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { startMockNode } from '@downstream/mock-node';
import { describe, expect, it } from '@jest/globals';
import { setUpMockNode, sha256 } from '../support/mock-node.ts';

const { start, url, close, path, newToken, acceptContract } = setUpMockNode();
const statePath = () => path('state.db');

/** Has something done to the file by hand. */
function tamper(sql: string): void {
  const db = new DatabaseSync(statePath());
  db.exec(sql);
  db.close();
}

/** A file that a node left behind. */
async function startPreviousNode(): Promise<void> {
  await start({ statePath: statePath() });
  await acceptContract(await newToken());
  await close();
}

const refused = (code: string, ...says: string[]) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(new RegExp(['MOCK_STATE \\(".*state\\.db"', ...says].join('.*'))),
  });

describe('a state file', () => {
  it('is readable by its owner alone', async () => {
    await startPreviousNode();
    expect(statSync(statePath()).mode & 0o777).toBe(0o600);
  });

  it('of a node with another seed is refused, with the seed that it has', async () => {
    await startPreviousNode();
    await expect(start({ statePath: statePath(), seed: '7' })).rejects.toEqual(
      refused('other_seed', 'seed "42", not "7"', 'restore MOCK_SEED, or choose another file'),
    );
    await start({ statePath: statePath() });
  });

  it('of a node with another genesis file is refused', async () => {
    await startPreviousNode();
    writeFileSync(path('other-genesis'), 'other');
    const other = { genesisPath: path('other-genesis'), genesisSha256: sha256('other') };
    await expect(start({ statePath: statePath(), ...other })).rejects.toEqual(
      refused('other_genesis', sha256('other'), 'restore MOCK_GENESIS and MOCK_GENESIS_SHA256'),
    );
  });

  it('of a newer node is refused, and left as it is', async () => {
    await startPreviousNode();
    tamper('PRAGMA user_version = 99');
    const before = readFileSync(statePath());
    await expect(start({ statePath: statePath() })).rejects.toEqual(
      refused('unusable', 'a newer version of this program \\(schema 99', 'run that version', 'choose another file'),
    );
    expect(readFileSync(statePath()).equals(before)).toBe(true);
  });

  it('that another node runs on is refused, and that node goes on', async () => {
    await start({ statePath: statePath() });
    await expect(startMockNode({ port: 0, statePath: statePath() })).rejects.toEqual(
      refused('locked', 'another mock node: stop that one, or choose another file'),
    );
    expect(await newToken()).toMatch(/^[0-9a-f]{32}$/);
  });

  it('that is no database is refused, and left as it is', async () => {
    const text = 'this is a text file that somebody put here, long enough to be looked at';
    writeFileSync(statePath(), text);
    await expect(start({ statePath: statePath() })).rejects.toEqual(refused('unusable', 'delete this one'));
    expect(readFileSync(statePath(), 'utf8')).toBe(text);
  });

  it('that is a database of something else is refused, and left as it is', async () => {
    tamper('CREATE TABLE contract (id TEXT); PRAGMA user_version = 1');
    const before = readFileSync(statePath());
    await expect(start({ statePath: statePath() })).rejects.toEqual(
      refused('unusable', 'a database of another program'),
    );
    expect(readFileSync(statePath()).equals(before)).toBe(true);
  });

  it('that somebody wrote nonsense into is refused', async () => {
    await startPreviousNode();
    tamper("UPDATE clock SET mode = 'sideways'");
    await expect(start({ statePath: statePath() })).rejects.toEqual(refused('unusable'));
  });

  it('that is damaged is refused', async () => {
    await startPreviousNode();
    const bytes = readFileSync(statePath());
    bytes.fill(0xff, 4096);
    writeFileSync(statePath(), bytes);
    await expect(start({ statePath: statePath() })).rejects.toEqual(refused('unusable', 'integrity check failed'));
  });

  it.each([
    ['in no folder', () => path('absent', 'state.db')],
    ['that is a folder', () => statePath()],
  ])('%s is refused', async (_, file) => {
    mkdirSync(statePath());
    await expect(start({ statePath: file() })).rejects.toEqual(refused('unwritable', 'existing, writable folder'));
  });

  it('is free again where the node could not start', async () => {
    await start();
    const port = Number(new URL(url()).port);
    const second = { port, statePath: statePath() };
    await expect(startMockNode(second)).rejects.toMatchObject({ code: 'port_in_use' });
    const third = await startMockNode({ ...second, port: 0 });
    await third.close();
  });
});
