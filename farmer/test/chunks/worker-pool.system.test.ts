import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'worker-pool-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('WorkerPool', () => {
  it('reports exhausted file descriptors, and works again when some are free', () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'x');
    const script = fileURLToPath(new URL('../fakes/exhausted-pool.ts', import.meta.url));
    const command = [process.execPath, '--conditions=source', script, path];
    const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -n 100; exec "$@"', 'sh', ...command], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    const hash = sha256('x');
    expect({ stderr, ...JSON.parse(stdout || '{}') }).toEqual({
      stderr: '',
      before: hash,
      during: ['exhausted', 'exhausted', 'exhausted'],
      after: [hash, hash],
    });
  });
});
