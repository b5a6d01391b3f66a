import { describe, expect, it } from '@jest/globals';
import { Terminal } from './support/terminal.ts';
import { TestFarm, until } from './support/test-farm.ts';

describe('A service whose terminal is stopped', () => {
  it('responds, passes challenges and stops cleanly, if it is the farmer', async () => {
    await using farm = new TestFarm();
    const node = await farm.startNode({ intervalMs: 1_000 });
    const env = { ...farm.env(node.url), FARMER_INIT: 'true', FARMER_LOG_FORMAT: 'json' };
    await using terminal = new Terminal('farmer/src/main.ts', env);
    const url = await terminal.waitFor(/"http":"(http:[^"]+)"/);
    terminal.stopOutput();
    const readPassed = async () => {
      const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(500) });
      return Number(/farmer_challenges_passed_total\{.*\} (\d+)/.exec(await response.text())?.[1]);
    };
    await until(readPassed, (passed) => passed >= 5);
    const before = terminal.shown;
    await until(readPassed, (passed) => passed >= 15);
    expect(terminal.shown).toBe(before);
    expect(await terminal.stopService()).toBe(0);
  });

  it('responds, if it is the mock node', async () => {
    const env = { MOCK_PORT: '0', MOCK_CONTROL_PORT: 'off', MOCK_LOG_LEVEL: 'debug' };
    await using terminal = new Terminal('mock-node/src/main.ts', env);
    const port = await terminal.waitFor(/api=:(\d+)/);
    terminal.stopOutput();
    // Each request is logged. A terminal buffers 4 KiB.
    for (let n = 0; n < 200; n++) {
      const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(500) });
      expect(response.status).toBe(200);
    }
    expect(await terminal.stopService()).toBe(0);
  });
});
