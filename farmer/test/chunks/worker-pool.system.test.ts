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
    const command = [process.execPath, '--conditions=downstream-source', script, path];
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

// A pool starts several threads, and each loads everything again.
it('a worker thread loads no packages from the registry', () => {
  const worker = new URL('../../src/chunks/worker.ts', import.meta.url).href;
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    await import('${worker}');
    console.log(JSON.stringify(loaded));`;
  const args = ['--conditions=downstream-source', '--input-type=module', '--eval', program];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const loaded: string[] = JSON.parse(stdout);
  expect(loaded).toContain(worker);
  expect(loaded.filter((url) => url.includes('/node_modules/'))).toEqual([]);
});
