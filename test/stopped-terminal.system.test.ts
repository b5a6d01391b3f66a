import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TestFarm, until } from './support/test-farm.ts';

const ROOT = join(import.meta.dirname, '..');
const STOP_OUTPUT = '\x13';

describe('A service whose terminal is stopped', () => {
  const terminals: ChildProcess[] = [];
  afterEach(() => {
    for (const terminal of terminals.splice(0)) terminal.kill('SIGKILL');
  });

  /** Runs a service in a pseudo-terminal and stops its output when `ready` appears. @returns the match */
  async function runStopped(main: string, env: Record<string, string>, ready: RegExp) {
    const command = `exec ${process.execPath} --conditions=source ${join(ROOT, main)}`;
    const terminal = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: { PATH: process.env['PATH'], ...env },
    });
    terminals.push(terminal);
    let shown = '';
    terminal.stdout.on('data', (piece) => {
      shown += piece;
    });
    await until(
      () => shown,
      (text) => ready.test(text),
    );
    terminal.stdin.write(STOP_OUTPUT);
    return { terminal, match: ready.exec(shown)?.[1] ?? '', shown: () => shown };
  }

  it('responds, passes challenges and stops cleanly, if it is the farmer', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode();
    const env = { ...farm.env(node.url), FARMER_INIT: 'true', FARMER_LOG_FORMAT: 'json' };
    const { terminal, match: url, shown } = await runStopped('farmer/src/main.ts', env, /"http":"(http:[^"]+)"/);
    const readPassed = async () => {
      const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(500) });
      return Number(/farmer_challenges_passed_total\{.*\} (\d+)/.exec(await response.text())?.[1]);
    };
    await until(readPassed, (passed) => passed >= 5);
    const before = shown().length;
    await until(readPassed, (passed) => passed >= 15);
    expect(shown().length).toBe(before);
    const [farmer] = readFileSync(`/proc/${terminal.pid}/task/${terminal.pid}/children`, 'utf8').split(' ');
    process.kill(Number(farmer), 'SIGTERM');
    expect(await once(terminal, 'exit')).toEqual([0, null]);
  });

  it('responds, if it is the mock node', async () => {
    const env = { MOCK_PORT: '0', MOCK_CONTROL_PORT: 'off', MOCK_LOG_LEVEL: 'debug' };
    const { match: port } = await runStopped('mock-node/src/main.ts', env, /api=:(\d+)/);
    // Each request is logged. A terminal buffers 4 KiB.
    for (let n = 0; n < 200; n++) {
      const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(500) });
      expect(response.status).toBe(200);
    }
  });
});
