import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { RouteName } from '@downstream/protocol';
import { describe, expect, it } from '@jest/globals';
import { startFarmerProcess } from './support/farmer-process.ts';
import { AMPLIFYING_BODIES, AMPLIFYING_OFFERS, startHostileNode } from './support/hostile-node.ts';
import { TestFarm, until } from './support/test-farm.ts';

const MIB = 1024 * 1024;
/** Just below the limit for a farmer with few contracts. */
const BODY_BYTES = 4 * MIB - 4_096;
/** Close to the limit of a tag, in characters. */
const OFFER_BYTES = 8 * MIB;
/** As in the operator's guide. */
const MAX_GROWTH_BYTES = 128 * MIB;
/** Usually a few milliseconds; other tests use the processors, too. */
const MAX_HEALTH_CHECK_MS = 500;
const ROUTES: readonly RouteName[] = ['due', 'chunk', 'challenge', 'remove'];

describe('A farmer with a node that sends amplifying responses', () => {
  it('stays small, healthy and successful at another node', async () => {
    await using farm = new TestFarm();
    const honest = await farm.startNode({ seed: 'a', intervalMs: 6_000 });
    const other = await farm.startNode({ seed: 'b' });
    await using hostile = await startHostileNode(other.url);
    await using farmer = await startFarmerProcess({
      ...farm.env(`${honest.url},${hostile.url}`),
      FARMER_NODE_ALIAS: 'honest,hostile',
      FARMER_LOG_LEVEL: 'info',
    });
    await until(farmer.status, ({ nodes }) => nodes.every(({ challenges }) => challenges.passed >= 2));
    const before = readPeakBytes(farmer.child.pid);
    const passedBefore = (await farmer.status()).nodes[0]?.challenges.passed ?? 0;

    const slow: string[] = [];
    for (const [name, createBody] of Object.entries(AMPLIFYING_BODIES)) {
      hostile.answer(ROUTES, createBody(BODY_BYTES));
      while ((hostile.responses.get('due') ?? 0) < 2) {
        const start = performance.now();
        await (await fetch(`${farmer.url}/healthz`)).text();
        const tookMs = performance.now() - start;
        if (tookMs > MAX_HEALTH_CHECK_MS) slow.push(`${name}: ${tookMs.toFixed()} ms`);
        await pause(20);
      }
    }

    expect(slow).toEqual([]);
    expect(readPeakBytes(farmer.child.pid) - before).toBeLessThan(MAX_GROWTH_BYTES);
    const { nodes } = await farmer.status();
    expect(nodes[0]?.challenges.failed).toBe(0);
    expect(nodes[0]?.challenges.passed).toBeGreaterThan(passedBefore + 2);
  });

  it('stays small and successful when the node offers chunks of the v1 API', async () => {
    await using farm = new TestFarm();
    const honest = await farm.startNode({ seed: 'a', intervalMs: 6_000, maxContracts: 5 });
    // The farmer requests contracts during the whole test, because it never has as many as the node offers.
    const other = await farm.startNode({ seed: 'b', intervalMs: 20_000, chunkSizesBytes: [1_000], maxContracts: 500 });
    await using hostile = await startHostileNode(other.url);
    await using farmer = await startFarmerProcess({
      ...farm.env(`${honest.url},${hostile.url}`),
      FARMER_NODE_ALIAS: 'honest,hostile',
      FARMER_PROTOCOL: 'prototype,v1',
      FARMER_SIZE: '1GiB',
      FARMER_LOG_LEVEL: 'info',
    });
    await until(farmer.status, ({ nodes }) => nodes.every(({ challenges }) => challenges.passed >= 2));
    const before = readPeakBytes(farmer.child.pid);
    const passedBefore = (await farmer.status()).nodes[0]?.challenges.passed ?? 0;

    for (const createBody of Object.values(AMPLIFYING_OFFERS)) {
      hostile.answer(['v1_chunk'], createBody(OFFER_BYTES));
      const count = () => hostile.responses.get('v1_chunk') ?? 0;
      await until(count, (responses) => responses >= 2, { withinMs: 60_000 });
    }

    expect(readPeakBytes(farmer.child.pid) - before).toBeLessThan(MAX_GROWTH_BYTES);
    const { nodes } = await farmer.status();
    expect(nodes.map(({ challenges }) => challenges.failed)).toEqual([0, 0]);
    expect(nodes[0]?.challenges.passed).toBeGreaterThan(passedBefore + 2);
  }, 120_000);
});

/** The peak of the resident set of a process. */
function readPeakBytes(pid: number | undefined): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
