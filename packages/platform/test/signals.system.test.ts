import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';

/** A program that never stops. */
const PROGRAM = `
  import { handleSignals } from '@downstream/platform/signals';
  handleSignals().addEventListener('abort', () => console.log('stopping'));
  setInterval(() => {}, 1_000);
  console.log('ready');`;

describe('handleSignals', () => {
  it('kills a process that does not stop on the second signal, but not if that follows at once', async () => {
    const child = spawn(process.execPath, ['--conditions=downstream-source', '--input-type=module', '--eval', PROGRAM]);
    await once(child.stdout, 'data');
    child.kill('SIGTERM');
    child.kill('SIGINT');
    await once(child.stdout, 'data');
    await pause(700);
    expect(child.signalCode).toBeNull();
    child.kill('SIGTERM');
    await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
  });
});
