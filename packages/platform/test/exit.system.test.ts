import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const EXIT = join(import.meta.dirname, '../src/exit.ts');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'exit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs a program that ends itself with 3 after it began what `begun` says. */
function ended(begun: string): { status: number | null; signal: string | null } {
  const script = `
    import { openSync } from 'node:fs';
    import { open, readFile } from 'node:fs/promises';
    import { Worker } from 'node:worker_threads';
    import { exit } from ${JSON.stringify(EXIT)};
    ${begun}
    await exit(3);`;
  const program = join(folder, 'program.mjs');
  writeFileSync(program, script);
  const { status, signal } = spawnSync(process.execPath, [program], { timeout: 30_000 });
  return { status, signal };
}

/** A pipe that nobody writes to: opening it holds a thread, as a disk does that does not answer. */
function aHangingFile(): string {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

describe('the end of a process', () => {
  it('has its exit code, also where files are just being read', () => {
    expect(ended("void readFile('/etc/passwd');")).toEqual({ status: 3, signal: null });
  });

  it('comes though a file does not answer', () => {
    const path = JSON.stringify(aHangingFile());
    expect(ended(`void open(${path});`)).toEqual({ status: null, signal: 'SIGKILL' });
  });

  it('comes though a worker thread is held by a file that does not answer', () => {
    const path = aHangingFile();
    const hang = `require('node:worker_threads').parentPort.postMessage('now'); require('node:fs').openSync('${path}')`;
    // Ended before it is held, a thread ends: then another one is begun, and given more time.
    const begun = `for (let givenMs = 10, isBlockedByDisk = false; !isBlockedByDisk; givenMs *= 2) {
        const worker = new Worker(${JSON.stringify(hang)}, { eval: true });
        await new Promise((resolve) => worker.once('message', () => setTimeout(resolve, givenMs)));
        const late = new Promise((resolve) => setTimeout(resolve, 200, true));
        isBlockedByDisk = await Promise.race([worker.terminate().then(() => false), late]);
      }`;
    expect(ended(begun)).toEqual({ status: null, signal: 'SIGKILL' });
  });
});

describe('a program', () => {
  const PROGRAM = `
    import { ignoreOutputErrors } from '@downstream/platform';
    ignoreOutputErrors();
    const written = (stream) => new Promise((resolve) => stream.write('a line\\n', resolve));
    for (let n = 0; n < 5; n++) for (const stream of [process.stdout, process.stderr]) await written(stream);
    process.exit(7);`;

  it.each(['a full disk', 'nobody'])('outlives what it can not write: %s takes it', async (reader) => {
    const full = openSync('/dev/full', 'w');
    const to = reader === 'nobody' ? 'pipe' : full;
    const args = ['--conditions=source', '--input-type=module', '-e', PROGRAM];
    const child = spawn(process.execPath, args, { stdio: ['ignore', to, to] });
    child.stdout?.destroy();
    child.stderr?.destroy();
    const [code] = await once(child, 'exit');
    closeSync(full);
    expect(code).toBe(7);
  });
});
