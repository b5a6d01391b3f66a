import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const EXIT = join(import.meta.dirname, '../src/exit.ts');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'exit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs a program that executes `statements` and then exits with 3. */
function run(statements: string): { status: number | null; signal: string | null } {
  const script = `
    import { openSync } from 'node:fs';
    import { open, readFile } from 'node:fs/promises';
    import { Worker } from 'node:worker_threads';
    import { exit } from ${JSON.stringify(EXIT)};
    ${statements}
    exit(3);`;
  const program = join(folder, 'program.mjs');
  writeFileSync(program, script);
  const { status, signal } = spawnSync(process.execPath, [program], { timeout: 30_000 });
  return { status, signal };
}

/** Opening a pipe without a writer blocks a thread, like a disk that does not respond. */
function createBlockingFile(): string {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  return path;
}

describe('exit', () => {
  it('uses the exit code while files are being read', () => {
    expect(run("void readFile('/etc/passwd');")).toEqual({ status: 3, signal: null });
  });

  it.each(['open', 'readFile'])('ends the process if a file does not respond to %s', (operation) => {
    const path = JSON.stringify(createBlockingFile());
    expect(run(`void ${operation}(${path});`)).toEqual({ status: 3, signal: null });
  });

  it('ends the process if a worker thread waits for a file that does not respond', () => {
    const path = createBlockingFile();
    const hang = `require('node:worker_threads').parentPort.postMessage('now'); require('node:fs').openSync('${path}')`;
    // A thread that is terminated before it blocks ends normally. Then the next one gets more time.
    const statements = `for (let delayMs = 10, isBlockedByDisk = false; !isBlockedByDisk; delayMs *= 2) {
        const worker = new Worker(${JSON.stringify(hang)}, { eval: true });
        await new Promise((resolve) => worker.once('message', () => setTimeout(resolve, delayMs)));
        const late = new Promise((resolve) => setTimeout(resolve, 200, true));
        isBlockedByDisk = await Promise.race([worker.terminate().then(() => false), late]);
      }`;
    expect(run(statements)).toEqual({ status: 3, signal: null });
  });
});
