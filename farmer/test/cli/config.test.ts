import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '../../src/cli/command.ts';
import { printConfig } from '../../src/cli/config.ts';
import { SETTINGS } from '../../src/settings.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
  path = join(folder, 'farmer.yaml');
});
afterAll(() => rmSync(folder, { recursive: true }));

function print(env: Record<string, string>, flags = {}, json = false) {
  const lines: string[] = [];
  const code = printConfig({ env: { FARMER_ADDRESS: ADDRESS, ...env }, flags }, { json }, (line) => lines.push(line));
  return { code, text: lines.join('\n') };
}

describe('downstream config', () => {
  it('prints every effective setting with its origin', () => {
    writeFileSync(path, `# comment\nworkers: 1\nsize: 1GB\nnode-url:\n  - http://a\n  - http://b\n`);
    const { code, text } = print({ FARMER_CONFIG: path, FARMER_WORKERS: '2' }, { httpPort: '0' });
    expect(code).toBe(0);
    for (const line of [
      /^config +\/.*\/farmer.yaml +FARMER_CONFIG$/m,
      /^workers +2 +FARMER_WORKERS$/m,
      /^size +1GB +\/.*\/farmer.yaml:3$/m,
      /^node-url +http:\/\/a,http:\/\/b +\/.*\/farmer.yaml:4$/m,
      /^http-port +0 +--http-port$/m,
      /^log-level +info +default$/m,
      /^ca-file +\(none\) +default$/m,
    ]) {
      expect(text).toMatch(line);
    }
    for (const { flag, env } of Object.values(SETTINGS)) {
      if (env !== 'FARMER_PROXY_FILE' && env !== 'FARMER_TOKEN_FILE')
        expect(text).toMatch(new RegExp(`^${flag.slice(2)} `, 'm'));
    }
  });

  it('masks credentials, and names the file of a secret', () => {
    const secret = join(folder, 'proxy');
    writeFileSync(secret, 'http://me:hunter2@proxy:3128\n');
    const { text } = print({ FARMER_PROXY_FILE: secret });
    expect(text).toMatch(/^proxy +http:\/\/\*\*\*@proxy:3128 +FARMER_PROXY_FILE \(\/.*\/proxy\)$/m);
    expect(print({ FARMER_PROXY_FILE: secret }, {}, true).text).not.toContain('hunter2');
  });

  it('prints JSON', () => {
    writeFileSync(path, 'size: 1GB');
    const settings = JSON.parse(print({ FARMER_CONFIG: path }, {}, true).text);
    expect(settings).toContainEqual({
      setting: 'size',
      variable: 'FARMER_SIZE',
      value: '1GB',
      origin: 'file',
      place: `${path}:1`,
    });
    expect(settings).toContainEqual({
      setting: 'ca-file',
      variable: 'FARMER_CA_FILE',
      value: null,
      origin: 'default',
      place: null,
    });
  });

  it('prints valid settings also if others are invalid, and then fails', () => {
    const lines: string[] = [];
    const input = { env: { FARMER_WORKERS: 'hunter2', FARMER_SIZE: '1GB', FARMER_SIZ: '1' } };
    expect(() => printConfig(input, { json: false }, (line) => lines.push(line))).toThrow(
      /FARMER_ADDRESS is not set.*\nFARMER_WORKERS: expected an integer/s,
    );
    expect(lines).toContainEqual(expect.stringMatching(/^size +1GB +FARMER_SIZE$/));
    expect(lines).toContainEqual(expect.stringMatching(/^workers +\(invalid\) +FARMER_WORKERS$/));
    expect(lines).toContain('FARMER_SIZ is set, but is not a setting: did you mean FARMER_SIZE?');
  });

  it('accepts all options of downstream, before and after its name', async () => {
    const out: string[] = [];
    const args = [
      '--address',
      ADDRESS,
      'config',
      '--proxy',
      'http://p:1',
      '--no-proxy',
      '10.0.0.0/8',
      '--config',
      path,
    ];
    const code = await runCommand(args, {
      out: (text) => out.push(String(text)),
      err: () => {},
      output: { subscribe: () => {}, flush: async () => true, openFile: async () => new Writable() },
    });
    expect(code).toBe(0);
    expect(out.join('')).toMatch(/^proxy +http:\/\/p:1 +--proxy$/m);
    expect(out.join('')).toMatch(/^no-proxy +10\.0\.0\.0\/8 +--no-proxy$/m);
  });
});
