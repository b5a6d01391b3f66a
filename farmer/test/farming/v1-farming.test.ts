import { FakeClock } from '@downstream/platform/testing';
import { describe, expect, it } from '@jest/globals';
import { ChunkError } from '../../src/farming/errors.ts';
import { INTERVAL_MS, makeId } from '../fakes/builders.ts';
import { aFarmerOf, FakeChunks, FakeTags, type MemoryStore } from '../fakes/fake-farmer.ts';
import { FakeV1Node } from '../fakes/fake-v1-node.ts';

const SECOND = 1_000;

interface Fakes {
  contracts: number;
  node: FakeV1Node;
  chunks: FakeChunks;
  tags: FakeTags;
  store: MemoryStore;
}

function aV1Farmer({ contracts = 3, node = new FakeV1Node(new FakeClock()), ...fakes }: Partial<Fakes> = {}) {
  node.supply = contracts;
  return aFarmerOf({ contracts, pollIntervalMs: 'default', node, ...fakes });
}

describe('A farmer of a node with the v1 API', () => {
  it('passes every challenge of every contract for half an hour, and asks and answers for many at once', async () => {
    const { start, clock, node, outcomes, faults } = aV1Farmer({ contracts: 40 });
    start();
    await clock.advance(30 * INTERVAL_MS + 10 * SECOND);
    expect(outcomes.passes).toHaveLength(40 * 31);
    expect({ failures: outcomes.failures, ends: outcomes.ends, faults }).toEqual({
      failures: [],
      ends: [],
      faults: [],
    });
    expect(node.answered.length).toBeLessThan(4 * 31);
    expect(node.asked.filter((count) => count > 0).length).toBeLessThan(3 * 31);
    expect(node.repeated).toBe(0);
  });

  it('sends no answers while the node processes others, unless that takes longer than usual', async () => {
    const { start, clock, node, outcomes } = aV1Farmer({ contracts: 1_000 });
    node.answerMs = 1_500;
    start();
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.passes.length).toBeGreaterThan(1_000);
    expect(node.overlapping).toBe(0);
    node.answerMs = 20 * SECOND;
    await clock.advance(INTERVAL_MS);
    expect(node.overlapping).toBeGreaterThan(0);
    expect(outcomes.failures).toEqual([]);
  });

  it('answers the first challenge in the time that the node left', async () => {
    const { start, clock, outcomes } = aV1Farmer({ contracts: 1 });
    start();
    await clock.advance(SECOND);
    expect(outcomes.passes).toEqual([expect.closeTo(INTERVAL_MS, -3)]);
  });

  it('counts an answer as passed once if its response was lost', async () => {
    const { start, clock, node, outcomes } = aV1Farmer();
    node.faults.lostResponses = 1;
    start();
    await clock.advance(3 * INTERVAL_MS - SECOND);
    expect(outcomes.passes).toHaveLength(3 * 3);
    expect(outcomes.failures).toEqual([]);
  });

  it('counts an answer as passed if its response never arrives, but the next challenge does', async () => {
    const { start, clock, node, outcomes } = aV1Farmer({ contracts: 1 });
    node.faults.lostResponses = Number.POSITIVE_INFINITY;
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    expect(outcomes.passes).toHaveLength(0);
    node.faults.lostResponses = 0;
    await clock.advance(10 * SECOND);
    expect({ passes: outcomes.passes.length, failures: outcomes.failures }).toEqual({ passes: 2, failures: [] });
  });

  it('counts an answer as passed if no response arrives before the deadline, but the next challenge does', async () => {
    const { start, clock, node, outcomes } = aV1Farmer();
    node.faults.lostResponses = Number.POSITIVE_INFINITY;
    start();
    await clock.advance(INTERVAL_MS);
    node.faults.lostResponses = 0;
    await clock.advance(INTERVAL_MS - 5 * SECOND);
    expect({ passes: outcomes.passes.length, failures: outcomes.failures }).toEqual({ passes: 3 * 2, failures: [] });
  });

  it('counts an answer as failed if the node does not show until the next deadline that it has passed', async () => {
    const { start, clock, node, outcomes } = aV1Farmer();
    node.faults.lostResponses = Number.POSITIVE_INFINITY;
    start();
    await clock.advance(10 * SECOND);
    node.faults.isDown = true;
    await clock.advance(3 * INTERVAL_MS);
    expect(outcomes.failures).toEqual(Array(3).fill({ reason: 'node_error', count: 1 }));
  });

  it('ends all contracts, and counts no challenge, if the node does not know the token when it gets the answers', async () => {
    const { start, clock, node, outcomes } = aV1Farmer();
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    node.faults.forgetsTokenOnAnswer = true;
    await clock.advance(4 * INTERVAL_MS);
    expect(outcomes.ends).toEqual(Array(3).fill('token_lost'));
    expect(outcomes.failures).toEqual([]);
  });

  it('sends an answer again that is missing in the report', async () => {
    const { start, clock, node, outcomes } = aV1Farmer();
    node.faults.omittedAnswers = 2;
    start();
    await clock.advance(20 * SECOND);
    expect(outcomes.passes).toHaveLength(3);
  });

  it('proves again after a rejected answer, which does not fail the challenge', async () => {
    const { start, clock, node, outcomes, log } = aV1Farmer({ contracts: 1 });
    node.faults.rejectedAnswers = 2;
    start();
    await clock.advance(30 * SECOND);
    expect(outcomes.passes).toHaveLength(1);
    expect(log.messages('warn')).toEqual(['answer rejected, proving again', 'answer rejected, proving again']);
  });

  it('asks for the challenge again if the node rejects the answer to it', async () => {
    const { start, clock, node, outcomes, log } = aV1Farmer({ contracts: 1 });
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    node.faults.wrongChallenges = 1;
    await clock.advance(20 * SECOND);
    expect({ passes: outcomes.passes.length, failures: outcomes.failures }).toEqual({ passes: 2, failures: [] });
    expect(new Set(log.messages('warn'))).toEqual(new Set(['answer rejected, proving again']));
  });

  it('asks for the challenge again until the deadline if it cannot belong to the contract', async () => {
    const chunks = new FakeChunks();
    const { start, clock, node, outcomes, log } = aV1Farmer({ contracts: 1, chunks });
    start();
    await clock.advance(INTERVAL_MS - SECOND);
    node.faults.wrongChallenges = 4;
    chunks.proofTime = async () => {
      if (node.faults.wrongChallenges > 0) throw new ChunkError('invalid_challenge', 'of another contract');
    };
    await clock.advance(INTERVAL_MS);
    expect({ passes: outcomes.passes.length, failures: outcomes.failures }).toEqual({ passes: 2, failures: [] });
    expect(log.messages('warn')).toEqual(['challenge not provable']);
  });

  it('counts a challenge whose answers are all rejected as a wrong answer, and replaces the contract', async () => {
    const { start, clock, node, outcomes, table } = aV1Farmer({ contracts: 1 });
    node.faults.rejectedAnswers = Number.POSITIVE_INFINITY;
    start();
    await clock.advance(INTERVAL_MS + 2 * SECOND);
    expect(outcomes.failures).toEqual([{ reason: 'wrong_answer', count: 1 }]);
    expect(node.answered.length).toBeLessThan(20);
    node.faults.rejectedAnswers = 0;
    await clock.advance(3 * INTERVAL_MS);
    expect(outcomes.ends).toEqual(['ended_by_node']);
    expect(outcomes.failures).toHaveLength(1);
    expect(table.ids()).toEqual([makeId(2)]);
  });

  it('replaces a contract that had all its challenges, and deletes its tag and chunk', async () => {
    const tags = new FakeTags();
    const { start, clock, node, outcomes, table, chunks } = aV1Farmer({ contracts: 1, tags });
    node.challengeCount = 2;
    tags.challengeCount = 2;
    start();
    await clock.advance(2 * INTERVAL_MS + 10 * SECOND);
    node.contracts.delete(1);
    await clock.advance(30 * SECOND);
    expect(outcomes.ends).toEqual(['completed']);
    expect(outcomes.passes).toHaveLength(3);
    expect(outcomes.failures).toEqual([]);
    expect([table.ids(), [...chunks.present], [...tags.ids]]).toEqual([[makeId(2)], [makeId(2)], [makeId(2)]]);
  });

  it('counts contracts that will have had all their challenges within a day', async () => {
    const tags = new FakeTags();
    tags.challengeCount = (24 * 3_600_000) / INTERVAL_MS + 10;
    const { start, clock, worker } = aV1Farmer({ tags });
    start();
    await clock.advance(5 * INTERVAL_MS);
    expect(worker.endingSoon).toBe(0);
    await clock.advance(10 * INTERVAL_MS);
    expect(worker.endingSoon).toBe(3);
  });

  it('counts a missed challenge once, however long the node is down, and replaces the contracts', async () => {
    const { start, clock, node, outcomes, table } = aV1Farmer();
    start();
    await clock.advance(10 * SECOND);
    node.faults.isDown = true;
    await clock.advance(20 * INTERVAL_MS);
    expect(outcomes.failures).toEqual(Array(3).fill({ reason: 'node_error', count: 1 }));
    expect(table.size).toBe(3);
    node.faults.isDown = false;
    await clock.advance(5 * INTERVAL_MS);
    expect(outcomes.failures).toHaveLength(3);
    expect(outcomes.ends).toEqual(Array(3).fill('ended_by_node'));
    expect(table.ids()).toEqual([makeId(4), makeId(5), makeId(6)]);
  });

  it('loses no contract to a node that is down for less than an interval', async () => {
    const { start, clock, node, outcomes } = aV1Farmer();
    start();
    await clock.advance(INTERVAL_MS + 10 * SECOND);
    node.faults.isDown = true;
    await clock.advance(INTERVAL_MS - 5 * SECOND);
    node.faults.isDown = false;
    await clock.advance(3 * INTERVAL_MS);
    expect({ failures: outcomes.failures, ends: outcomes.ends }).toEqual({ failures: [], ends: [] });
  });

  it('ends no contract because the node temporarily reports it as unknown', async () => {
    const { start, clock, node, outcomes } = aV1Farmer();
    start();
    await clock.advance(INTERVAL_MS - 5 * SECOND);
    node.faults.forgetsContracts = true;
    await clock.advance(30 * SECOND);
    node.faults.forgetsContracts = false;
    await clock.advance(3 * INTERVAL_MS);
    expect({ failures: outcomes.failures, ends: outcomes.ends }).toEqual({ failures: [], ends: [] });
  });

  it.each(['completed', 'answered'] as const)(
    'loses no challenge to a node that temporarily reports its contracts as %s',
    async (report) => {
      const { start, clock, node, outcomes } = aV1Farmer();
      start();
      await clock.advance(INTERVAL_MS - 5 * SECOND);
      node.faults.falseReports = { report, count: 2 };
      await clock.advance(4 * INTERVAL_MS);
      expect({ passes: outcomes.passes.length, failures: outcomes.failures, ends: outcomes.ends }).toEqual({
        passes: 3 * 5,
        failures: [],
        ends: [],
      });
    },
  );

  it('counts the challenge that was missed while it was stopped, even if the node has ended the contract', async () => {
    const first = aV1Farmer();
    const { node, chunks, tags, store, clock } = first;
    first.start();
    await clock.advance(10 * SECOND);
    await first.farmer.stop();
    await clock.advance(10 * INTERVAL_MS);
    const second = aV1Farmer({ node, chunks, tags, store });
    second.start();
    await clock.advance(2 * INTERVAL_MS);
    expect(second.outcomes.failures).toEqual(Array(3).fill({ reason: 'missed', count: 1 }));
    expect(second.outcomes.ends).toEqual(Array(3).fill('ended_by_node'));
  });

  it('continues after a restart, and counts the answers whose verdicts were not stored', async () => {
    const first = aV1Farmer();
    const { node, chunks, tags, store, clock } = first;
    first.start();
    await clock.advance(INTERVAL_MS + 10 * SECOND);
    await first.farmer.stop();
    for (const [id, row] of store.rows) {
      const { number, issuedAt } = row.round;
      store.rows.set(id, { ...row, round: { number: number - 1, issuedAt: issuedAt - INTERVAL_MS } });
    }
    const second = aV1Farmer({ node, chunks, tags, store });
    second.start();
    await clock.advance(2 * SECOND);
    expect(second.outcomes.passes).toHaveLength(3);
    await clock.advance(2 * INTERVAL_MS);
    expect(second.outcomes.failures).toEqual([]);
    expect(second.outcomes.passes).toHaveLength(3 * 3);
    expect(node.registrations).toBe(1);
  });

  it('counts the challenge that was missed while it was stopped once, even after another restart', async () => {
    const first = aV1Farmer();
    const { node, chunks, tags, store, clock } = first;
    first.start();
    await clock.advance(10 * SECOND);
    await first.farmer.stop();
    node.faults.isDown = true;
    await clock.advance(10 * INTERVAL_MS);
    const second = aV1Farmer({ node, chunks, tags, store });
    second.start();
    await clock.advance(10 * SECOND);
    await second.farmer.stop();
    expect(second.outcomes.failures).toEqual(Array(3).fill({ reason: 'missed', count: 1 }));
    const third = aV1Farmer({ node, chunks, tags, store });
    third.start();
    await clock.advance(10 * INTERVAL_MS);
    expect(third.outcomes.failures).toEqual([]);
  });

  it('rejects a contract whose tag is invalid, and slows down', async () => {
    const { start, clock, node, outcomes, table } = aV1Farmer({ contracts: 100 });
    node.tag = 'invalid';
    start();
    await clock.advance(60 * SECOND);
    expect(table.size).toBe(0);
    expect(new Set(outcomes.rejections)).toEqual(new Set(['invalid_tag']));
    expect(outcomes.rejections.length).toBeLessThanOrEqual(100);
  });

  it('registers again after the token was rejected repeatedly', async () => {
    const { start, clock, node, outcomes, table } = aV1Farmer();
    start();
    await clock.advance(10 * SECOND);
    node.faults.rejectsToken = true;
    await clock.advance(2 * INTERVAL_MS);
    node.faults.rejectsToken = false;
    node.contracts.clear();
    await clock.advance(2 * INTERVAL_MS);
    expect(outcomes.ends).toEqual(Array(3).fill('token_lost'));
    expect(node.registrations).toBeGreaterThan(1);
    expect(table.size).toBe(3);
  });

  it('exits by proving the contracts until they have had all their challenges', async () => {
    const tags = new FakeTags();
    const { start, clock, node, worker, outcomes } = aV1Farmer({ tags });
    node.challengeCount = 3;
    tags.challengeCount = 3;
    start();
    await clock.advance(10 * SECOND);
    worker.exit.start();
    await clock.advance(4 * INTERVAL_MS);
    expect(worker.exit.progress).toMatchObject({ state: 'exited', remaining: 0 });
    expect(outcomes.passes).toHaveLength(3 * 3);
    expect(outcomes.ends).toEqual(Array(3).fill('completed'));
  });
});
