import { measureChunkGeneration } from './chunk-generation.ts';
import { measureContractChallenge } from './contract-challenge.ts';
import { measureFirstPass } from './first-pass.ts';
import { measureHostileReply } from './hostile-reply.ts';
import { measureLargeChunks } from './large-chunks.ts';
import { measureListing } from './listing.ts';
import { measureMerkleEncode } from './merkle-encode.ts';
import { measureMerkleProve } from './merkle-prove.ts';
import { measureMockScale } from './mock-scale.ts';
import { measureMockV1 } from './mock-v1.ts';
import { measureMockVerify } from './mock-verify.ts';
import { measurePrototypeFarm } from './prototype-farm.ts';
import type { Result } from './result.ts';
import { measureSeededChunkGeneration } from './seeded-chunk-generation.ts';
import { measureSwizzle } from './swizzle.ts';
import { measureV1Farm } from './v1-farm.ts';

interface Benchmark {
  /** Prefixes of the names of its results. */
  readonly names: readonly string[];
  /** @param folder an empty folder, deleted afterwards */
  readonly run: (folder: string) => Promise<Result[]>;
}

const BENCHMARKS: readonly Benchmark[] = [
  { names: ['chunk-generation-1-worker', 'chunk-generation-2-workers'], run: measureChunkGeneration },
  { names: ['contract-challenge'], run: measureContractChallenge },
  { names: ['merkle-prove'], run: measureMerkleProve },
  { names: ['merkle-encode'], run: measureMerkleEncode },
  { names: ['swizzle-prove', 'swizzle-encode', 'swizzle-verify'], run: measureSwizzle },
  { names: ['seeded-chunk-generation', 'seeded-chunk-verification'], run: measureSeededChunkGeneration },
  { names: ['farmer-rss', 'event-loop-delay-p99'], run: measureLargeChunks },
  { names: ['first-pass'], run: measureFirstPass },
  { names: ['prototype-farm'], run: measurePrototypeFarm },
  { names: ['v1-farm-1000', 'v1-farm-10000', 'v1-start-10000'], run: measureV1Farm },
  { names: ['listing-20000'], run: measureListing },
  { names: ['hostile-reply-rss'], run: measureHostileReply },
  { names: ['mock-verify'], run: measureMockVerify },
  { names: ['mock-v1'], run: measureMockV1 },
  { names: ['mock-contracts', 'mock-bytes-per-contract'], run: measureMockScale },
];

/** All names that can be selected. */
export const NAMES: readonly string[] = BENCHMARKS.flatMap(({ names }) => names);

/** The benchmarks that produce these names; all benchmarks if no name is given. */
export function selectBenchmarks(names: readonly string[]): readonly Benchmark[] {
  return BENCHMARKS.filter((benchmark) => names.length === 0 || benchmark.names.some((name) => names.includes(name)));
}
