import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { proveFile, writeRandomio } from '../../farmer/src/chunks/chunk-work.ts';
import { CHUNK_MIB, oneAfterTheOther, rate, readRate, shaRate } from './limits.ts';
import { type Result, result } from './result.ts';
import { best, inTurns } from './rounds.ts';

const ROUNDS = 41;

/** The answer to a challenge from a chunk in the page cache, against reading and hashing it one after the other. */
export async function contractChallenge(folder: string): Promise<Result[]> {
  const path = join(folder, 'chunk');
  writeRandomio(path, 'bench', CHUNK_MIB * 2 ** 20);
  const rounds = await inTurns(ROUNDS, {
    read: () => readRate(path),
    sha: shaRate,
    prove: () => rate(() => proveFile(path, '0.012381234')),
  });
  rmSync(path);
  const rates = best(rounds);
  const limit = oneAfterTheOther(rates.read, rates.sha);
  return [
    result('contract-challenge', rates.prove, 'MiB/s', limit, { least: 0.95 }),
    result('contract-challenge-vs-memory-sha', rates.prove, 'MiB/s', rates.sha),
  ];
}
