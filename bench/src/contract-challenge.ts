import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { proveFiles, writeRandomio } from '../../farmer/src/chunks/chunk-io.ts';
import { CHUNK_MIB, combineRates, measureRate, measureRead, measureSha } from './limits.ts';
import { createResult, type Result } from './result.ts';
import { interleave, maximum } from './rounds.ts';

const ROUNDS = 41;

/** A proof from a chunk in the page cache, compared with reading and then hashing the chunk. */
export async function measureContractChallenge(folder: string): Promise<Result[]> {
  const path = join(folder, 'chunk');
  writeRandomio(path, 'bench', CHUNK_MIB * 2 ** 20);
  const { read, sha, prove } = await interleave(ROUNDS, maximum, {
    read: () => measureRead(path),
    sha: measureSha,
    prove: () => measureRate(() => proveFiles([{ path, challenge: '0.012381234' }])),
  });
  rmSync(path);
  return [
    createResult('contract-challenge', prove, 'MiB/s', combineRates(read, sha), { min: 0.95 }),
    createResult('contract-challenge-vs-memory-sha', prove, 'MiB/s', sha),
  ];
}
