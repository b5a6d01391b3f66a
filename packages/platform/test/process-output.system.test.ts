import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../../test/support/test-farm.ts';

const PLATFORM = join(import.meta.dirname, '../src/index.ts');
const STOP_OUTPUT = '\x13';
const RESUME_OUTPUT = '\x11';

interface Report {
  readonly pid: number;
  readonly ticks: number;
  readonly dropped: number;
  readonly longestStopMs: number;
}

let folder: string;
let program: string;
let child: ChildProcess;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'process-output-'));
  program = join(folder, 'program.mjs');
  // Writes about 4 MB a second to both streams, and warnings of Node.js. Exits with 7 on SIGTERM.
  writeFileSync(
    program,
    `import { renameSync, writeFileSync } from 'node:fs';
    import { exit, ProcessOutput } from ${JSON.stringify(PLATFORM)};
    const output = new ProcessOutput();
    const report = { pid: process.pid, ticks: 0, dropped: 0, longestStopMs: 0 };
    let isStopped = false;
    output.subscribe({
      dropped: (lines) => { report.dropped += lines; },
      recovered: () => { isStopped = true; console.log('recovered'); },
    });
    process.once('SIGTERM', () => output.flush().then(() => exit(7)));
    let last = performance.now();
    setInterval(() => {
      const now = performance.now();
      report.ticks++;
      report.longestStopMs = Math.max(report.longestStopMs, now - last);
      last = now;
      process.emitWarning('a warning');
      for (let n = 0; n < 200 && !isStopped; n++) {
        console.log('out '.padEnd(100, 'x'));
        console.error('err '.padEnd(100, 'x'));
      }
      writeFileSync('report.new', JSON.stringify(report));
      renameSync('report.new', 'report');
    }, 10);`,
  );
});
afterEach(() => {
  child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function readReport(): Report | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'report'), 'utf8'));
  } catch {
    return undefined;
  }
}

function run(command: string, args: readonly string[], stdio: ('pipe' | number)[]): ChildProcess {
  child = spawn(command, args, { cwd: folder, stdio: ['pipe', ...stdio] });
  return child;
}

/** Asserts that the program keeps ticking until it drops lines, and exits in time. */
async function expectFreeEventLoop(): Promise<void> {
  const report = await until(readReport, (now) => (now?.dropped ?? 0) > 100);
  expect(report?.longestStopMs).toBeLessThan(1_000);
  const start = performance.now();
  process.kill(report?.pid ?? 0, 'SIGTERM');
  const [code] = await once(child, 'exit');
  expect(code).toBe(7);
  expect(performance.now() - start).toBeLessThan(3_000);
}

describe('ProcessOutput', () => {
  it('does not block while a terminal is stopped, and writes what it kept when the terminal continues', async () => {
    const terminal = run(
      'script',
      ['--quiet', '--return', '--command', `${process.execPath} ${program}`, '/dev/null'],
      ['pipe', 'pipe'],
    );
    let shown = '';
    terminal.stdout?.on('data', (piece) => {
      shown += piece;
    });
    await until(
      () => shown,
      (text) => text.includes('out x'),
    );
    terminal.stdin?.write(STOP_OUTPUT);
    const report = await until(readReport, (now) => (now?.dropped ?? 0) > 100);
    expect(report?.longestStopMs).toBeLessThan(1_000);
    terminal.stdin?.write(RESUME_OUTPUT);
    await until(
      () => shown,
      (text) => text.includes('recovered'),
    );
    terminal.stdin?.write(STOP_OUTPUT);
    process.kill(report?.pid ?? 0, 'SIGTERM');
    expect(await once(terminal, 'exit')).toEqual([7, null]);
  });

  it('does not block while no process reads a pipe', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const pipe = openSync(path, 'r+');
    run(process.execPath, [program], [pipe, pipe]);
    await expectFreeEventLoop();
    closeSync(pipe);
  });

  it('does not block while no process reads a socket', async () => {
    // Node.js uses sockets for the streams of a child process.
    run(process.execPath, [program], ['pipe', 'pipe']);
    await expectFreeEventLoop();
  });

  it.each(['a full disk', 'a closed pipe'])('keeps the process running when it writes to %s', async (target) => {
    const full = openSync('/dev/full', 'w');
    const to = target === 'a closed pipe' ? 'pipe' : full;
    run(process.execPath, [program], [to, to]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    closeSync(full);
    await expectFreeEventLoop();
  });

  it('writes everything to a file before it exits', async () => {
    const path = join(folder, 'log');
    const file = openSync(path, 'a');
    writeFileSync(
      program,
      `import { exit, ProcessOutput } from ${JSON.stringify(PLATFORM)};
      const output = new ProcessOutput();
      for (let n = 0; n < 5000; n++) console.log(n);
      await output.flush();
      exit(7);`,
    );
    run(process.execPath, [program], [file, 'pipe']);
    closeSync(file);
    expect(await once(child, 'exit')).toEqual([7, null]);
    expect(readFileSync(path, 'utf8')).toBe(Array.from({ length: 5_000 }, (_, n) => `${n}\n`).join(''));
  });
});
