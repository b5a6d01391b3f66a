import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { proveFile, writeRandomio } from '../../farmer/src/chunks/chunk-io.ts';
import { CHUNK_MIB, rate, readRate, sequentialRate, shaRate } from './limits.ts';
import { type Result, result } from './result.ts';
import { best, interleave } from './rounds.ts';

const ROUNDS = 41;

/** The answer to a challenge from a chunk in the page cache, against reading and hashing it one after the other. */
export async function contractChallenge(folder: string): Promise<Result[]> {
  const path = join(folder, 'chunk');
  writeRandomio(path, 'bench', CHUNK_MIB * 2 ** 20);
  const rounds = await interleave(ROUNDS, {
    read: () => readRate(path),
    sha: shaRate,
    prove: () => rate(() => proveFile(path, '0.012381234')),
  });
  rmSync(path);
  const rates = best(rounds);
  const limit = sequentialRate(rates.read, rates.sha);
  return [
    result('contract-challenge', rates.prove, 'MiB/s', limit, { least: 0.95 }),
    result('contract-challenge-vs-memory-sha', rates.prove, 'MiB/s', rates.sha),
  ];
}
