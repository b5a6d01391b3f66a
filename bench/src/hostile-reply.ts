import { join } from 'node:path';
import { AMPLIFYING_BODIES, startHostileNode } from '../../test/support/hostile-node.ts';
import { writeSmallGenesis } from './genesis.ts';
import { createResult, type Result } from './result.ts';
import { startFarmer, startMockNode, waitUntil } from './services.ts';

const GENESIS_BYTES = 16 * 1024;
const CONTRACTS = 5;
/** With this capacity, a listing may have 32 MiB. */
const CAPACITY = 10_000;
const BODY_BYTES = 32 * 1024 * 1024 - 4_096;
/** Documented in docs/operate.md. */
const MAX_GROWTH_MIB = 192;
const WAIT = { timeoutMs: 60_000, pollMs: 50 };

/** How much the farmer's memory grows, at its peak, while a node sends the most expensive listings that it may send. */
export async function measureHostileReply(folder: string): Promise<Result[]> {
  const { path, sha256 } = writeSmallGenesis(folder, GENESIS_BYTES);
  await using node = await startMockNode({
    MOCK_GENESIS: path,
    MOCK_GENESIS_SHA256: sha256,
    MOCK_INTERVAL: '5',
    MOCK_MAX_CONTRACTS: String(CONTRACTS),
  });
  await using hostile = await startHostileNode(node.url);
  await using farmer = await startFarmer(hostile, {
    FARMER_DATA_DIR: join(folder, 'farmer'),
    FARMER_SIZE: String(CAPACITY * GENESIS_BYTES),
    FARMER_GENESIS: path,
    FARMER_GENESIS_SHA256: sha256,
    FARMER_POLL_INTERVAL: '500ms',
  });
  await waitUntil('answers', WAIT, async () => (await farmer.status()).challenges.passed >= 2 * CONTRACTS);
  const before = farmer.getPeakMiB();
  for (const [name, createBody] of Object.entries(AMPLIFYING_BODIES)) {
    hostile.answer(['due'], createBody(BODY_BYTES));
    await waitUntil(`listings: ${name}`, WAIT, async () => (hostile.responses.get('due') ?? 0) >= 3);
    console.error(`  ${name}: ${farmer.getPeakMiB().toFixed()} MiB`);
  }
  return [createResult('hostile-reply-rss', farmer.getPeakMiB() - before, 'MiB', MAX_GROWTH_MIB, { max: 1 })];
}
