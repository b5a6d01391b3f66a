import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createSecretFileSetting,
  getUsedNames,
  listSettings,
  parseSettings,
  type SettingsInput,
} from '@downstream/platform';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';

const TOKEN = { env: 'X_TOKEN', flag: '--token' };
const table = {
  port: {
    env: 'X_PORT',
    flag: '--http-port',
    description: 'The port.',
    allowed: 'a port',
    schema: z.string().regex(/^\d+$/).transform(Number),
    default: '80',
  },
  token: {
    ...TOKEN,
    description: 'The token.',
    allowed: '8 characters',
    sensitive: 'all',
    schema: z.string().length(8).optional(),
    defaultDescription: '`none`',
    secretFile: createSecretFileSetting(TOKEN),
  },
  tokenFile: createSecretFileSetting(TOKEN),
} as const;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'settings-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(content: string | Uint8Array): string {
  const path = join(folder, 'secret');
  writeFileSync(path, content);
  return path;
}

const inFile = (text: string) => ({ text, position: '/etc/x.yaml:3' });
const parse = (input: Partial<SettingsInput>) => parseSettings(table, { env: {}, ...input });

describe('The sources of settings', () => {
  it('are flags, which override the environment, which overrides the file', () => {
    const file = { port: inFile('81') };
    expect(parse({ file })).toMatchObject({ port: 81 });
    expect(parse({ file, env: { X_PORT: '' } })).toMatchObject({ port: 81 });
    expect(parse({ file, env: { X_PORT: '82' } })).toMatchObject({ port: 82 });
    expect(parse({ file, env: { X_PORT: '82' }, flags: { port: '83' } })).toMatchObject({ port: 83 });
  });

  it.each([
    [{ flags: { port: 'x' } }, '--http-port: expected a port (got "x")'],
    [{ flags: { port: 'x' }, flagNames: { port: 'port' } }, 'port: expected a port (got "x")'],
    [{ env: { X_PORT: 'x' } }, 'X_PORT: expected a port (got "x")'],
    [{ file: { port: inFile('x') } }, 'http-port in /etc/x.yaml:3: expected a port (got "x")'],
  ])('are named in errors: %j', (input, message) => {
    expect(() => parse(input)).toThrow(message);
  });

  it('are listed with the effective values, without secrets', () => {
    const input = { env: { X_PORT: '82' }, file: { token: inFile('hunter22') } };
    expect(listSettings(table, input)).toEqual([
      {
        name: 'http-port',
        env: 'X_PORT',
        value: '82',
        fallback: 'none',
        source: { kind: 'environment', name: 'X_PORT', place: 'X_PORT' },
      },
      {
        name: 'token',
        env: 'X_TOKEN',
        value: '***',
        fallback: 'none',
        source: { kind: 'file', name: 'token in /etc/x.yaml:3', place: '/etc/x.yaml:3' },
      },
    ]);
    expect(listSettings(table, { env: {} })).toMatchObject([{ value: '80' }, { fallback: 'none' }]);
  });

  it('are not listed with an invalid value, which may be a password', () => {
    const [port] = listSettings(table, { env: { X_PORT: 'hunter2' } });
    expect(port).toMatchObject({ fallback: 'invalid', source: { place: 'X_PORT' } });
    expect(port).not.toHaveProperty('value');
  });
});

describe('getUsedNames', () => {
  it('names the flag or the line of the file that sets a variable', () => {
    const input = { env: { X_TOKEN: '12345678' }, flags: { port: '1' } };
    expect(getUsedNames(table, input)).toEqual(new Map([['X_PORT', '--http-port']]));
    expect(getUsedNames(table, { env: {}, file: { port: inFile('1') } }).get('X_PORT')).toBe(
      'http-port in /etc/x.yaml:3',
    );
  });
});

describe('A secret in a file', () => {
  it('is read without the line break at its end', () => {
    for (const content of ['hunter22', 'hunter22\n', 'hunter22\r\n']) {
      expect(parse({ env: { X_TOKEN_FILE: write(content) } })).toMatchObject({ token: 'hunter22' });
    }
    expect(parse({ flags: { tokenFile: write('hunter23') } })).toMatchObject({ token: 'hunter23' });
    expect(parse({ file: { tokenFile: inFile(write('hunter24')) } })).toMatchObject({ token: 'hunter24' });
  });

  it('has the precedence of the setting that names the file', () => {
    const env = { X_TOKEN_FILE: write('hunter22') };
    expect(parse({ env, file: { token: inFile('hunter23') } })).toMatchObject({ token: 'hunter22' });
    expect(parse({ env, flags: { token: 'hunter24' } })).toMatchObject({ token: 'hunter24' });
  });

  it('cannot be combined with the value itself', () => {
    expect(() => parse({ env: { X_TOKEN: 'hunter22', X_TOKEN_FILE: '/x' } })).toThrow(
      /^X_TOKEN and X_TOKEN_FILE cannot be combined: remove one of them$/,
    );
  });

  it('is listed with the path of the file', () => {
    const path = write('hunter22');
    expect(listSettings(table, { env: { X_TOKEN_FILE: path } })[1]).toMatchObject({
      value: '***',
      source: { kind: 'environment', place: `X_TOKEN_FILE (${path})` },
    });
  });

  it.each([
    ['', 'is empty: write the value into the file'],
    ['\n', 'is empty: write the value into the file'],
    ['hunter2', ': expected 8 characters (got a value of 7 characters, which is not shown)'],
    [Buffer.from([0xff, 0xfe, 0x68]), 'cannot be read (not a text in UTF-8)'],
    [Buffer.alloc(64 * 1024 + 1, 'x'), 'cannot be read (larger than 65536 bytes)'],
  ])('is rejected with an explanation if it is invalid', (content, problem) => {
    const path = write(content);
    expect(() => parse({ env: { X_TOKEN_FILE: path } })).toThrow(new RegExp(`^X_TOKEN_FILE \\(${path}\\)`));
    expect(() => parse({ env: { X_TOKEN_FILE: path } })).toThrow(problem);
  });

  it('is rejected if its path is missing, a folder or a pipe, without waiting for a writer', () => {
    const read = (path: string) => () => parse({ env: { X_TOKEN_FILE: path } });
    expect(read(join(folder, 'missing'))).toThrow('cannot be read (ENOENT): check the path, its owner and permissions');
    expect(read(folder)).toThrow('cannot be read (not a regular file)');
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(read(pipe)).toThrow('cannot be read (not a regular file)');
  });

  it.each(['hunter22', 'http://me:hunter22@proxy', '~/hunter22'])(
    'is not shown if it is set instead of its path: %s',
    (value) => {
      expect(() => parse({ env: { X_TOKEN_FILE: value } })).toThrow(
        /^X_TOKEN_FILE: expected the complete path of a file \(got a value of \d+ characters, which is not shown\)$/,
      );
    },
  );
});
