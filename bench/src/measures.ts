import { chunkGeneration } from './chunk-generation.ts';
import { contractChallenge } from './contract-challenge.ts';
import { firstPass } from './first-pass.ts';
import { largeChunks } from './large-chunks.ts';
import { mockScale } from './mock-scale.ts';
import { mockVerify } from './mock-verify.ts';
import { prototypeFarm } from './prototype-farm.ts';
import type { Result } from './result.ts';

interface Measure {
  /** What the names of its results begin with. */
  readonly names: readonly string[];
  /** @param folder an empty one, deleted afterwards */
  readonly run: (folder: string) => Promise<Result[]>;
}

const MEASURES: readonly Measure[] = [
  { names: ['chunk-generation-1-worker', 'chunk-generation-2-workers'], run: chunkGeneration },
  { names: ['contract-challenge'], run: contractChallenge },
  { names: ['farmer-rss', 'event-loop-delay-p99'], run: largeChunks },
  { names: ['first-pass'], run: firstPass },
  { names: ['prototype-farm'], run: prototypeFarm },
  { names: ['mock-verify'], run: mockVerify },
  { names: ['mock-contracts', 'mock-bytes-per-contract'], run: mockScale },
];

/** Everything that can be asked for by name. */
export const NAMES: readonly string[] = MEASURES.flatMap(({ names }) => names);

/** What has to be run for some names, or for all of them where none is given. */
export function measuresFor(names: readonly string[]): readonly Measure[] {
  return MEASURES.filter((measure) => names.length === 0 || measure.names.some((name) => names.includes(name)));
}
