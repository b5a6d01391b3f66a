import { mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { startMockNode } from '@downstream/mock-node';
import { describe, expect, it } from '@jest/globals';
import { setUpControlApi } from '../support/control-api.ts';
import { sha256 } from '../support/mock-node.ts';

const { start, url, close, path, newToken, acceptContract, register, get, ask, pass, log, controller } =
  setUpControlApi();
const statePath = () => path('state.db');

/** Changes the file with SQL. */
function tamper(sql: string): void {
  const db = new DatabaseSync(statePath());
  db.exec(sql);
  db.close();
}

/** The state file of a stopped node. */
async function startPreviousNode(): Promise<void> {
  await start({ statePath: statePath() });
  await acceptContract(await newToken());
  await close();
}

const stateError = (code: string, ...patterns: string[]) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(new RegExp(['MOCK_STATE \\(".*state\\.db"', ...patterns].join('.*'))),
  });

describe('a state file', () => {
  it('can be read only by its owner', async () => {
    await startPreviousNode();
    expect(statSync(statePath()).mode & 0o777).toBe(0o600);
  });

  it('is rejected with another seed, and the error names the seed of the file', async () => {
    await startPreviousNode();
    await expect(start({ statePath: statePath(), seed: '7' })).rejects.toEqual(
      stateError('other_seed', 'seed "42", not "7"', 'restore MOCK_SEED, or choose another file'),
    );
    await start({ statePath: statePath() });
  });

  it('is rejected with another genesis file', async () => {
    await startPreviousNode();
    writeFileSync(path('other-genesis'), 'other');
    const other = { genesisPath: path('other-genesis'), genesisSha256: sha256('other') };
    await expect(start({ statePath: statePath(), ...other })).rejects.toEqual(
      stateError('other_genesis', sha256('other'), 'restore MOCK_GENESIS and MOCK_GENESIS_SHA256'),
    );
  });

  it('is rejected and not changed if a newer version wrote it', async () => {
    await startPreviousNode();
    tamper('PRAGMA user_version = 99');
    const before = readFileSync(statePath());
    await expect(start({ statePath: statePath() })).rejects.toEqual(
      stateError('unusable', 'a newer version of this program \\(schema 99', 'run that version', 'choose another file'),
    );
    expect(readFileSync(statePath()).equals(before)).toBe(true);
  });

  it('is rejected while another node uses it, and that node continues', async () => {
    await start({ statePath: statePath() });
    await expect(startMockNode({ port: 0, statePath: statePath() })).rejects.toEqual(
      stateError('locked', 'another mock node: stop that one, or choose another file'),
    );
    expect(await newToken()).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is rejected and not changed if it is not a database', async () => {
    const text =
      'a text file that is longer than the header of a SQLite database, which has one hundred bytes in the beginning';
    writeFileSync(statePath(), text);
    await expect(start({ statePath: statePath() })).rejects.toEqual(stateError('unusable', 'delete this one'));
    expect(readFileSync(statePath(), 'utf8')).toBe(text);
  });

  it('is rejected and not changed if it is a database of another program', async () => {
    tamper('CREATE TABLE contract (id TEXT); PRAGMA user_version = 1');
    const before = readFileSync(statePath());
    await expect(start({ statePath: statePath() })).rejects.toEqual(
      stateError('unusable', 'a database of another program'),
    );
    expect(readFileSync(statePath()).equals(before)).toBe(true);
  });

  it('is rejected if it contains invalid values', async () => {
    await startPreviousNode();
    tamper("UPDATE node SET clock = '{}'");
    await expect(start({ statePath: statePath() })).rejects.toEqual(stateError('unusable'));
  });

  it('is rejected if it is damaged', async () => {
    await startPreviousNode();
    const bytes = readFileSync(statePath());
    bytes.fill(0xff, 4096);
    writeFileSync(statePath(), bytes);
    await expect(start({ statePath: statePath() })).rejects.toEqual(stateError('unusable', 'integrity check failed'));
  });

  it('is rejected if it is in no folder', async () => {
    await expect(start({ statePath: path('absent', 'state.db') })).rejects.toEqual(
      stateError('unwritable', 'existing, writable directory'),
    );
  });

  it.each<[string, () => void, string]>([
    ['a folder', () => mkdirSync(statePath()), 'not a regular file'],
    ['a link, whose target keeps its mode', () => symlinkSync(path('other.db'), statePath()), 'a symbolic link'],
  ])('is rejected if it is %s', async (_, create, problem) => {
    writeFileSync(path('other.db'), '', { mode: 0o644 });
    create();
    await expect(start({ statePath: statePath() })).rejects.toEqual(stateError('unusable', problem));
    expect(statSync(path('other.db'))).toMatchObject({ size: 0, mode: 0o100644 });
  });

  it('is unlocked if the node fails to start', async () => {
    await start();
    const port = Number(new URL(url()).port);
    const second = { port, statePath: statePath() };
    await expect(startMockNode(second)).rejects.toMatchObject({ code: 'port_in_use' });
    const third = await startMockNode({ ...second, port: 0 });
    await third.close();
  });
});

describe('a node whose state cannot be written', () => {
  const readHealth = async () => {
    pass(1_000);
    return [(await get('/healthz')).code, (await ask('GET', '/health/ready')).status];
  };

  it('is unhealthy and changes nothing more, logs it once, and recovers', async () => {
    await start({ statePath: statePath() });
    await newToken();
    expect(await readHealth()).toEqual([200, 200]);

    // Writing continues to succeed in a file that has lost its name, but nothing would find it after a restart.
    renameSync(statePath(), path('aside'));
    expect(await readHealth()).toEqual([503, 503]);
    for (let n = 0; n < 20; n++) expect(await register()).toMatchObject({ code: 503, json: { status: 'error' } });
    expect(await ask('POST', '/reset')).toMatchObject({
      status: 503,
      json: { message: expect.stringMatching(/^MOCK_STATE \(".*state\.db"\) was deleted or replaced/) },
    });
    expect(await ask('GET', '/health/live')).toMatchObject({ status: 200 });
    expect((await ask('GET', '/info')).json).toMatchObject({ farmers: 2 });
    expect(log().filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ message: 'state not stored' }),
    ]);

    renameSync(path('aside'), statePath());
    expect(await readHealth()).toEqual([200, 200]);
    expect(log().filter(({ message }) => message === 'state stored again')).toHaveLength(1);
    await newToken();
    await start({ statePath: statePath() });
    expect(controller().getInfo().farmers).toBe(3);
  });

  it('responds with 503 if the path of the state cannot be followed', async () => {
    await start({ statePath: statePath() });
    renameSync(statePath(), path('aside'));
    symlinkSync(statePath(), statePath());
    expect(await register()).toMatchObject({ code: 503 });
    rmSync(statePath());
    renameSync(path('aside'), statePath());
  });
});
