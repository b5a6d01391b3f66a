import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { command } from '../../src/cli/command.ts';
import { SETTINGS } from '../../src/settings.ts';
import { always, rawServer } from '../fakes/raw-server.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'command-'));
  file = join(folder, 'file');
  writeFileSync(file, 'x'.repeat(100));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function downstream(...args: string[]) {
  const said = { out: '', err: '' };
  const code = await command(args, {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
  });
  return { code, ...said };
}
const challenges = '{"challenges":[{"filename":"file","rootseed":"r","block":5,"seed":"s"}]}';

describe('the downstream command', () => {
  it('has help for every setting, with its variable', async () => {
    const { code, out } = await downstream('--help');
    expect(code).toBe(0);
    for (const { flag, env } of Object.values(SETTINGS)) {
      expect(out).toContain(flag);
      expect(out).toContain(env);
    }
  });

  it('knows its version', async () => {
    expect(await downstream('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it.each([
    [['--sizes', '1'], '--sizes'],
    [['http://a', 'http://b'], 'too many arguments'],
    [['http://a', '--node-url', 'http://b', '--address', ADDRESS], 'once'],
    [['--size', '12XB', '--address', ADDRESS], '--size: expected a size above 0'],
    [['--address', 'nobody'], '--address: expected an SJCX'],
    [['explain', 'abcdef', '--last', '1001'], 'from 1 to 1000'],
    [['statsu'], '"statsu" is no command'],
  ])('refuses %j with exit code 2, and says why', async (args, why) => {
    expect(await downstream(...args)).toMatchObject({ code: 2, err: expect.stringContaining(why) });
  });

  it.each([
    [true, 0, 'FILE MATCHED!\n'],
    [false, 1, 'Failed to match.\n'],
  ])('verifies ownership: match %p exits %i', async (match, code, out) => {
    await using server = await rawServer((request, response) =>
      always(request.method === 'GET' ? challenges : `{"msg":"ok","match":${match}}`)(request, response),
    );
    expect(await downstream('--verify-ownership', file, server.url)).toEqual({ code, out, err: '' });
    const [asked, answered] = server.requests;
    expect(asked).toMatchObject({ method: 'GET', url: '/api/downstream/challenges/file' });
    expect(answered).toMatchObject({ method: 'POST', url: '/api/downstream/challenges/answer/file' });
    expect(JSON.parse(answered?.body ?? '')).toEqual({
      block: 5,
      seed: 's',
      response: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it('does not match a file too short for the challenge', async () => {
    await using server = await rawServer(always(challenges.replace('5', '500')));
    expect(await downstream('--verify-ownership', file, server.url)).toMatchObject({
      code: 1,
      out: 'Failed to match.\n',
    });
  });

  it.each([
    ['/nonexistent/file', "can't be read"],
    [tmpdir(), 'not a file'],
  ])('exits 2 where %s is to be verified', async (path, why) => {
    expect(await downstream('--verify-ownership', path, 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      err: expect.stringContaining(why),
    });
  });

  it('exits 2 when the node has no such file', async () => {
    await using server = await rawServer(always('{"status":"error","message":"No such file."}', 404));
    expect(await downstream('--verify-ownership', file, server.url)).toMatchObject({
      code: 2,
      err: 'error: the node has no file of that name\n',
    });
  });

  it('exits 2 when the node can not be reached, or talks nonsense', async () => {
    expect(await downstream('--verify-ownership', file, 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('the connection to the node failed'),
    });
    await using server = await rawServer(always('<html>'));
    expect(await downstream('--verify-ownership', file, server.url)).toMatchObject({ code: 2 });
  });

  it('does not start on a port that is taken, or in a folder that can not be made', async () => {
    await using taken = await rawServer(always(''));
    const { port } = new URL(taken.url);
    const args = ['--address', ADDRESS, '--log-level', 'error', '--data-dir'];
    expect(await downstream(...args, folder, '--http-port', port)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`port ${port}`),
    });
    expect(await downstream(...args, join(file, 'x'), '--http-port', '0')).toMatchObject({
      code: 2,
      err: expect.stringContaining('FARMER_DATA_DIR'),
    });
  });
});
