import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '../../src/cli/command.ts';
import { SETTINGS } from '../../src/settings.ts';
import { always, rawServer } from '../fakes/raw-server.ts';
import { StateDir } from '../fakes/state-dir.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const state = new StateDir();
let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'command-'));
  file = join(folder, 'file');
  writeFileSync(file, 'x'.repeat(100));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function downstream(...args: string[]) {
  const written = { out: '', err: '' };
  const code = await runCommand(args, {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    output: { subscribe: () => {}, flush: async () => true, openFile: async () => new Writable() },
  });
  return { code, ...written };
}
const challenges = '{"challenges":[{"filename":"file","rootseed":"r","block":5,"seed":"s"}]}';

describe('runCommand', () => {
  it("accepts the node's URL as the argument of check and config, or as their option", async () => {
    const settings = ['--address', ADDRESS];
    const { out } = await downstream('config', ...settings, 'http://node.example');
    expect(out).toMatch(/^node-url +http:\/\/node\.example +node_url$/m);
    for (const command of ['check', 'config'])
      expect(
        await downstream(command, ...settings, '--node-url', 'http://a.example', 'http://b.example'),
      ).toMatchObject({
        code: 2,
        err: expect.stringContaining('the node is given twice'),
      });
  });

  it('shows every setting with its environment variable in the help', async () => {
    const { code, out } = await downstream('--help');
    expect(code).toBe(0);
    for (const { flag, env } of Object.values(SETTINGS)) {
      expect(out).toContain(flag);
      expect(out).toContain(env);
    }
  });

  it('shows the help of each command, and its exit codes in the general one', async () => {
    const { code, out } = await downstream('help');
    expect({ code, out }).toEqual({ code: 0, out: (await downstream('--help')).out });
    expect(out).toContain('130, 143  a command was interrupted');
    const commands = [...out.slice(out.indexOf('Commands:')).matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    expect(commands).toEqual(expect.arrayContaining(['scrub', 'exit', 'backup', 'explain', 'config', 'help']));
    expect((await downstream('help', 'disk', 'replace')).out).toContain('Usage: downstream disk replace ');
    for (const command of commands) {
      const help = await downstream('help', command);
      expect(help).toMatchObject({ code: 0, out: expect.stringContaining(`Usage: downstream ${command} `), err: '' });
      expect(help).toEqual(await downstream(command, '--help'));
    }
  });

  it.each([
    ['scurb', 'did you mean scrub?'],
    ['EXPLAIN', 'did you mean explain?'],
    ['hepl', 'did you mean help?'],
    ['xyzzy', 'expected a URL or one of the commands '],
  ])('rejects the unknown command %s and suggests the nearest match', async (name, suggestion) => {
    for (const args of [[name], ['help', name]]) {
      expect(await downstream(...args)).toMatchObject({
        code: 2,
        out: '',
        err: expect.stringContaining(`error: unknown command "${name}": ${suggestion}`),
      });
    }
  });

  it('names the flag or argument of a setting if that was used', async () => {
    await using taken = await rawServer(always(''));
    const { port } = new URL(taken.url);
    const args = ['--address', ADDRESS, '--log-level', 'error'];
    const absent = join(folder, 'absent');
    for (const [flags, message] of [
      [['--size', '1MiB', '--protocol', 'prototype'], '--size must be at least 32MiB'],
      [['--size', '1GB', '--data-dir', '/a=1GB'], '--size and capacities in --data-dir cannot be combined'],
      [['ftp://node'], 'node_url: expected http or https URLs'],
      [['localhost:5000'], 'did you mean http://localhost:5000?'],
      [['--node-url', 'http://a,http://a'], '--node-url: http://a is listed twice'],
      [['--genesis', absent], 'FARMER_GENESIS_SHA256 (--genesis-sha256) is not set, but --genesis is'],
      [['--data-dir', folder, '--http-port', port], 'choose another port with --http-port'],
      [['--data-dir', absent, '--http-port', '0'], 'check the path in --data-dir'],
    ] as const) {
      const { code, err } = await downstream(...args, ...flags);
      expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(message) });
    }
    expect((await downstream()).err).toContain('FARMER_ADDRESS (--address) is not set');
  });

  it('warns of unknown variables if a setting is invalid, and in commands', async () => {
    process.env['FARMER_ADRESS'] = ADDRESS;
    try {
      const warning = 'warning: unknown environment variable FARMER_ADRESS: did you mean FARMER_ADDRESS?\n';
      expect((await downstream()).err).toMatch(new RegExp(`^${warning.replace('?', '\\?')}error: FARMER_ADDRESS`));
      const { err } = await downstream('explain', 'abcdef', '--data-dir', folder);
      expect(err).toBe(
        `${warning}error: no farmer state in ${folder}: set --data-dir to the farmer's data directory\n`,
      );
    } finally {
      delete process.env['FARMER_ADRESS'];
    }
  });

  it.each([
    [['--node-url', 'http://user:hunter2@host']],
    [['http://user:hunter2@host']],
    [['user:hunter2@host']],
    [['http://user:hunter2@host', 'http://user:hunter2@other']],
    [['--node-urls=http://user:hunter2@host']],
    [['--download-origins', 'https://host/?key=hunter2']],
    [['--http-host', 'http://user:hunter2@host']],
    [['--node-alias', 'user:hunter2@host']],
    [['--proxy', 'user:hunter2@proxy:3128']],
    [['--proxy', 'http://user:hunter2@proxy/x?y']],
    [['--no-proxy', 'http://user:hunter2@proxy']],
    [['scrub', 'hunter2']],
  ])('shows no password of the arguments %j', async (args) => {
    const { code, out, err } = await downstream('--address', ADDRESS, ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^error: ./);
    expect(err).not.toContain('hunter2');
  });

  it('prints its version and commit', async () => {
    expect(await downstream('--version')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+ \(commit unknown\)\n$/),
    });
  });

  it.each([
    [['--sizes', '1'], '--sizes'],
    [['http://a', 'http://b'], 'too many arguments'],
    [['http://a', '--node-url', 'http://b', '--address', ADDRESS], 'the node is given twice'],
    [['--size', '12XB', '--address', ADDRESS], '--size: expected a size above 0'],
    [['--address', 'invalid'], '--address: expected an SJCX'],
    [['explain', 'abcdef', '--last', '1001'], 'from 1 to 1000'],
    [['backup', '~/state.db'], 'the path "~/state.db" is invalid: ~ is not expanded'],
    [['scrub', '--data-dir', '~/farm'], '~ is not expanded here: write the complete path'],
    [['--challenges', '0', '--verify-ownership', '/x'], 'from 1 to 100000'],
    [['--init=true'], "option '--init' takes no value"],
    [['--challenges', '5'], '--challenges has no effect without --verify-ownership'],
    [['--szie', '1'], 'Did you mean --size?'],
    [['scrub', '--data-dri', '/x'], 'Did you mean --data-dir?'],
  ])('rejects %j with exit code 2 and an explanation', async (args, why) => {
    expect(await downstream(...args)).toMatchObject({ code: 2, err: expect.stringContaining(why) });
  });

  it('states no certainty unless the whole file was compared', async () => {
    const large = `${file}-large`;
    writeFileSync(large, Buffer.alloc(10_000));
    const offered = Array.from({ length: 400 }, (_, n) => ({ block: n < 399 ? n : 9_500, seed: 's' }));
    await using server = await rawServer((request, response) =>
      always(request.method === 'GET' ? JSON.stringify({ challenges: offered }) : '{"msg":"ok","match":true}')(
        request,
        response,
      ),
    );
    const { out } = await downstream('--verify-ownership', large, '--challenges', '400', server.url);
    expect(out).toContain('by 400 challenges at different offsets');
    expect(out).toContain('with a probability of at least 99.9 %.');
  });

  it.each([
    [
      true,
      0,
      `FILE MATCHED!
Compared: 10 of 100 bytes (10 %), by 1 challenge. The node offered no others, 36 were wanted.
So many random samples detect a file of the same size of which a tenth differs with a probability of at least 10 %.
The node's file has at least 6 bytes. Challenges do not tell its exact size.
`,
    ],
    [
      false,
      1,
      `Failed to match.
The files differ in the 10 bytes from byte 5, or in their sizes. Challenges that matched before: 0.
`,
    ],
  ])('verifies the ownership of a file: with match %p it exits with %i', async (match, code, out) => {
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

  it('answers as many challenges as are wanted', async () => {
    const offered = Array.from({ length: 99 }, (_, block) => ({ filename: 'file', rootseed: 'r', block, seed: 's' }));
    await using server = await rawServer((request, response) =>
      always(request.method === 'GET' ? JSON.stringify({ challenges: offered }) : '{"msg":"ok","match":true}')(
        request,
        response,
      ),
    );
    for (const [wanted, args] of [
      [3, ['--challenges', '3']],
      [36, []],
    ] as const) {
      const { out } = await downstream('--verify-ownership', file, ...args, server.url);
      expect(out).toContain(`by ${wanted} challenges at different offsets.\n`);
    }
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(39);
  });

  it('exits with 2 when the file to verify is too small to be challenged', async () => {
    await using server = await rawServer(always('{"msg":"ok","match":true}'));
    const small = join(folder, 'small');
    writeFileSync(small, 'x'.repeat(9));
    expect(await downstream('--verify-ownership', small, server.url)).toEqual({
      code: 2,
      out: '',
      err: expect.stringContaining('small has 9 bytes, too few for a challenge'),
    });
    expect(server.requests).toEqual([]);
  });

  it('does not match a file that is too short for the challenge', async () => {
    await using server = await rawServer(always(challenges.replace('5', '500')));
    expect(await downstream('--verify-ownership', file, server.url)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^Failed to match.\nThe node's file is longer: at least 500 bytes, this one 100/),
    });
  });

  it.each([
    ['/nonexistent/file', 'cannot read /nonexistent/file (ENOENT)'],
    [tmpdir(), 'is not a regular file'],
  ])('exits with 2 when the file to verify is %s', async (path, why) => {
    expect(await downstream('--verify-ownership', path, 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      err: expect.stringContaining(why),
    });
  });

  it('exits with 2 when the file to verify is a pipe, without waiting for its writer', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await downstream('--verify-ownership', pipe, 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('is not a regular file'),
    });
  });

  it('exits with 2 when the node does not have the file', async () => {
    await using server = await rawServer(always('{"status":"error","message":"No such file."}', 404));
    expect(await downstream('--verify-ownership', file, server.url)).toMatchObject({
      code: 2,
      err: 'error: the node has no file of that name\n',
    });
  });

  it('exits with 2 when the node is unreachable or its response is invalid', async () => {
    expect(await downstream('--verify-ownership', file, 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('the connection to the node failed'),
    });
    await using server = await rawServer(always('<html>'));
    expect(await downstream('--verify-ownership', file, server.url)).toMatchObject({ code: 2 });
  });

  it('reports a second farmer on the same data, although its port is in use too', async () => {
    await using taken = await rawServer(always(''));
    const { port } = new URL(taken.url);
    state.open();
    const args = ['--address', ADDRESS, '--log-level', 'error', '--data-dir', state.path, '--http-port', port];
    const { code, err } = await downstream(...args);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('state.db is in use by another farmer') });
    state.close();
    expect((await downstream(...args)).err).toContain(`port ${port} on 127.0.0.1 is in use`);
  });

  it('exits with 2 when the port is in use or the data directory cannot be created', async () => {
    await using taken = await rawServer(always(''));
    const { port } = new URL(taken.url);
    const args = ['--address', ADDRESS, '--log-level', 'error', '--data-dir'];
    expect(await downstream(...args, folder, '--http-port', port)).toMatchObject({
      code: 2,
      err: expect.stringContaining(`port ${port}`),
    });
    expect(await downstream(...args, join(file, 'x'), '--http-port', '0')).toMatchObject({
      code: 2,
      err: expect.stringContaining('check --data-dir, the disk'),
    });
  });
});
