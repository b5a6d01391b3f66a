import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const RUN = `exec ${process.execPath} --conditions=downstream-source ${ROOT}`;
const FARMER = `${RUN}/farmer/src/main.ts --init --protocol v1 -d data --http-port 0 -a ${ADDRESS} -s 65536`;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** Runs the script with a mock node and farmers. @returns its exit code, the rows of its table, and its folder */
async function interop(farmers: (url: string) => Readonly<Record<string, string>>, ...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'interop-test-'));
  folders.push(folder);
  // Below the ephemeral ports, which tests that run at the same time use.
  const port = randomInt(10_000, 30_000);
  const url = `http://127.0.0.1:${port}`;
  const node = `${RUN}/mock-node/src/main.ts --port ${port} --control-port 0 --chunk-sizes 32768 --interval 3`;
  const commands = Object.entries(farmers(url)).flatMap(([name, command]) => ['--farmer', `${name}=${command}`]);
  const all = ['--folder', folder, '--node', `mock=${url} ${node}`, ...commands, ...args];
  const script = ['--conditions=downstream-source', `${ROOT}/interop/src/main.ts`, ...all];
  const { code, stdout, stderr } = await promisify(execFile)(process.execPath, script).then(
    (output) => ({ code: 0, ...output }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
  if (stdout === '') throw new Error(`exit code ${code}: ${stderr}`);
  const rows = stdout
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, name, node, passed, lost, contracts, , , rss, starts, exit]) => {
      return { name, node, passed: Number(passed), lost, contracts, hasRss: Number(rss) > 0, starts, exit };
    });
  return { code, rows, folder };
}

describe('npm run interop', () => {
  it('runs two farmers at one node, kills and restarts one, and prints what the node counted for each', async () => {
    const { code, rows, folder } = await interop(
      (url) => ({ killed: `${FARMER} ${url}`, short: `${FARMER} -n 3 ${url}` }),
      ...['--minutes', '0.3', '--kill', 'killed=0.1'],
    );
    // A farmer on a busy machine can lose contracts, whose rounds last three seconds.
    const expected = { node: 'mock', lost: expect.any(String), contracts: expect.any(String), hasRss: true };
    expect({ code, rows }).toEqual({
      code: 0,
      rows: [
        { ...expected, name: 'killed', passed: expect.any(Number), starts: '2', exit: 'running' },
        { ...expected, name: 'short', passed: expect.any(Number), starts: '1', exit: '0' },
      ],
    });
    expect(rows[0]?.passed).toBeGreaterThanOrEqual(4);
    expect(rows[1]?.passed).toBeGreaterThanOrEqual(3);
    expect(existsSync(join(folder, 'killed.log'))).toBe(true);
  });

  it('fails if a farmer does', async () => {
    const { code, rows } = await interop((url) => ({ wrong: `echo ${url}; exit 3` }));
    expect({ code, rows }).toMatchObject({ code: 1, rows: [{ name: 'wrong', exit: '3' }] });
  });
});
