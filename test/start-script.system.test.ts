import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TestFarm, until } from './support/test-farm.ts';

const SCRIPT = join(import.meta.dirname, '../scripts/start.ts');

describe('npm start', () => {
  it('shows the URL of the page once the farmer holds its port, whatever sets it', async () => {
    await using farm = new TestFarm();
    const { FARMER_NODE_URL: _, ...env } = farm.env('');
    const { genesisPath, genesisSha256 } = farm.genesis;
    const script = spawn(process.execPath, [SCRIPT, '--http-port', '0'], {
      env: {
        ...env,
        MOCK_PORT: '0',
        MOCK_GENESIS: genesisPath,
        MOCK_GENESIS_SHA256: genesisSha256,
        FARMER_INIT: 'true',
      },
    });
    let output = '';
    script.stdout.on('data', (piece) => {
      output += piece;
    });
    const url = await until(
      () => /^Farmer: +(\S+)/m.exec(output)?.[1],
      (found) => found !== undefined,
    );
    expect(output).toContain('farmer started');
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    script.kill('SIGTERM');
    expect(await once(script, 'exit')).toEqual([0, null]);
  });

  it('shows no URL if the farmer does not start', async () => {
    const script = spawn(process.execPath, [SCRIPT, '--http-port', 'x'], { env: process.env });
    let output = '';
    script.stdout.on('data', (piece) => {
      output += piece;
    });
    expect(await once(script, 'exit')).toEqual([2, null]);
    expect(output).not.toContain('Farmer:');
  });
});
