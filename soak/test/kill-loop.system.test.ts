import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const CYCLES = 50;

describe('The kill loop', () => {
  it.each(['prototype', 'v1'])(
    `loses nothing that was acknowledged in ${CYCLES} kills with the %s API`,
    async (api) => {
      const script = join(import.meta.dirname, '../src/kill.ts');
      const args = ['--conditions=downstream-source', script, '--cycles', String(CYCLES), '--api', api];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
      const [exitCode] = await once(child, 'exit');
      expect(exitCode).toBe(0);
    },
    600_000,
  );
});
