import { join } from 'node:path';
import { createResult, type Result } from './result.ts';
import { startFarmer, startMockNode } from './services.ts';
import { watch } from './watch.ts';

const CONTRACTS = 16;
const WATCH_MS = 45_000;

/** Memory and event loop of a farmer with two workers that generates chunks of 32 MiB and proves each every 2 s. */
export async function measureLargeChunks(folder: string): Promise<Result[]> {
  await using node = await startMockNode({ MOCK_INTERVAL: '2' });
  await using farmer = await startFarmer(node, {
    FARMER_DATA_DIR: join(folder, 'farmer'),
    FARMER_SIZE: `${CONTRACTS * 32}MiB`,
  });
  const { increase, delayP99Ms } = await watch(farmer, WATCH_MS);
  const [passed, failed] = [increase('farmer_challenges_passed_total'), increase('farmer_challenges_failed_total')];
  console.error(`  challenges: ${passed} passed, ${failed} failed`);
  return [
    createResult('farmer-rss', farmer.getPeakMiB(), 'MiB', 200, { max: 1 }),
    createResult('event-loop-delay-p99', delayP99Ms, 'ms', 20, { max: 1 }),
  ];
}
