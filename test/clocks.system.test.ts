import type { MockNode } from '@downstream/mock-node';
import { describe, expect, it } from '@jest/globals';
import { ClockControl } from './support/clock-control.ts';
import { type FarmerProcess, startFarmerProcess } from './support/farmer-process.ts';
import { TestFarm, until } from './support/test-farm.ts';

const HOUR_MS = 3_600_000;
const CONTRACTS = 5;
const hasPassed = (count: number) => (node: MockNode) => node.controller.getInfo().challenges.passed >= count;

/** How many challenges farmer and node count as failed. */
async function countFailures(farmer: FarmerProcess, node: MockNode) {
  const { challenges } = await farmer.status();
  const { wrong, unanswered } = node.controller.getInfo().challenges;
  return { farmer: challenges.failed, node: unanswered, wrong };
}

async function waitForPasses(node: MockNode, count: number): Promise<void> {
  const { passed } = node.controller.getInfo().challenges;
  await until(() => node, hasPassed(passed + count));
}

describe('A farmer', () => {
  it.concurrent('counts what the node counts while its machine was paused, and sends no wrong answer', async () => {
    await using farm = new TestFarm();
    await using clock = new ClockControl();
    const node = await farm.startNode({ maxFailures: 1_000, intervalMs: 2_000 });
    await using farmer = await startFarmerProcess({ ...farm.env(node.url), ...clock.env });
    await waitForPasses(node, 3 * CONTRACTS);
    const before = await countFailures(farmer, node);
    await clock.pauseMachine(farmer, 9_000);
    await waitForPasses(node, 3 * CONTRACTS);
    const after = await countFailures(farmer, node);
    const lost = { farmer: after.farmer - before.farmer, node: after.node - before.node };
    expect(lost.node).toBeGreaterThan(3 * CONTRACTS);
    expect(Math.abs(lost.farmer - lost.node)).toBeLessThanOrEqual(CONTRACTS);
    expect(after.wrong).toBe(0);
    expect(farmer.lines.filter((line) => line.includes('process was suspended'))).toHaveLength(1);
  });

  it.concurrent('counts no challenge as failed because a system clock was wrong before or after a restart', async () => {
    await using farm = new TestFarm();
    await using clock = new ClockControl();
    const node = await farm.startNode({ maxFailures: 1_000 });
    const run = async (wallMs: number) => {
      clock.setWall(wallMs);
      await using farmer = await startFarmerProcess({ ...farm.env(node.url), ...clock.env });
      await waitForPasses(node, CONTRACTS);
      return await countFailures(farmer, node);
    };
    const runs = [await run(-2 * HOUR_MS), await run(0), await run(2 * HOUR_MS), await run(0)];
    for (const { farmer, node: counted } of runs) expect(Math.abs(farmer - counted)).toBeLessThanOrEqual(CONTRACTS);
  }, 90_000);
});
