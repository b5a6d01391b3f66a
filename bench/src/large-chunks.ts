import { join } from 'node:path';
import { type Result, result } from './result.ts';
import { startFarmer, startMockNode } from './services.ts';
import { watch } from './watch.ts';

const CONTRACTS = 16;
const OBSERVATION_MS = 45_000;

/** Memory and event loop of a farmer with two workers that makes chunks of 32 MiB and proves each every two seconds. */
export async function largeChunks(folder: string): Promise<Result[]> {
  await using node = await startMockNode({ MOCK_INTERVAL: '2' });
  await using farmer = await startFarmer(node, {
    FARMER_DATA_DIR: join(folder, 'farmer'),
    FARMER_SIZE: `${CONTRACTS * 32}MiB`,
  });
  const { risen, delayP99Ms } = await watch(farmer, OBSERVATION_MS);
  const [passed, failed] = [risen('farmer_challenges_passed_total'), risen('farmer_challenges_failed_total')];
  console.error(`  ${passed} challenges passed meanwhile, ${failed} failed`);
  return [
    result('farmer-rss', farmer.peakMiB(), 'MiB', 200, { most: 1 }),
    result('event-loop-delay-p99', delayP99Ms, 'ms', 20, { most: 1 }),
  ];
}
