import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CHILD_ENV } from '../../../test/support/child-env.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'data-dir-'));
  for (const name of ['home/Documents', 'work/notes']) mkdirSync(join(root, name), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

/** Runs the farmer as a service manager does: its settings are not interpreted by a shell. */
async function downstream(env: Record<string, string>, ...args: string[]): Promise<{ code: unknown; stderr: string }> {
  return await new Promise((resolve) => {
    const options = {
      cwd: join(root, 'work'),
      env: { ...CHILD_ENV, HOME: join(root, 'home'), FARMER_ADDRESS: ADDRESS, FARMER_HTTP_PORT: '0', ...env },
      timeout: 20_000,
    };
    execFile(process.execPath, ['--conditions=downstream-source', MAIN, ...args], options, (error, _stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stderr });
    });
  });
}

const listEntries = () => readdirSync(root, { recursive: true }).sort();

describe('downstream', () => {
  it.each<[string, Record<string, string>, string[], string]>([
    ['a tilde, even with --init', { FARMER_DATA_DIR: '~/farm', FARMER_INIT: 'true' }, [], '~ is not expanded'],
    ['a relative path to nothing', { FARMER_DATA_DIR: 'farm' }, [], '/work/farm does not exist'],
    ['a mistyped variable', { FARMER_DATADIR: '/srv/farm' }, [], '/home/.downstream does not exist'],
    ['a tilde in a command', { FARMER_DATA_DIR: '~/farm' }, ['explain', 'abcdef'], '~ is not expanded'],
  ])('does not start a new farmer because of %s, and shows the complete path', async (_, env, args, text) => {
    const before = listEntries();
    expect(await downstream(env, ...args)).toEqual({ code: 2, stderr: expect.stringContaining(text) });
    expect(listEntries()).toEqual(before);
  });
});
