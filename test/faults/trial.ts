import { randomInt } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MockNode } from '@downstream/mock-node';
import { expect } from '@jest/globals';
import { TestFarm, type TestFarmer, until } from '../support/test-farm.ts';
import type { Count, Promised } from './cases.ts';
import { byLabels, type Counts, countsOf, since, total } from './counts.ts';

/** A bad time for a farmer, and what it promises to make of it. */
export interface Trial extends Promised {
  /** Whether it has begun before the farmer comes, or comes over it while it farms. */
  readonly begins: 'before' | 'amid';
  readonly begin: (node: MockNode) => void;
  readonly isOver: (node: MockNode) => boolean;
  readonly end: (node: MockNode) => void;
  /** A request that went wrong, as the metrics count it: `due timeout`. */
  readonly counted?: string;
  readonly readsAtMostBytes?: number;
}

/** What is seen of a trial, from the farmer's metrics. */
export type Seen = ReturnType<typeof seenIn>;

const CONTRACTS = 5;
const NOTHING: Counts = new Map();

/** Farms through a trial until all is well again. @throws where the farmer does not keep what is promised */
export async function goThrough(trial: Trial): Promise<Seen> {
  const { begins, begin, isOver, end } = trial;
  await using farm = new TestFarm();
  const node = await farm.node({ intervalMs: 2_000, port: portOfItsOwn(), ...trial.node });
  if (begins === 'before') begin(node);
  const farmer = await farm.farmer(node.url);
  const counts = async () => countsOf(await farmer.metrics());
  if (begins === 'amid') await allPass(node, farmer);
  const before = begins === 'amid' ? await counts() : NOTHING;
  if (begins === 'amid') begin(node);
  const seen = async () => seenIn(since(before, await counts()));
  await until(() => isOver(node), Boolean);
  await until(seen, (now) => hasCome(now, trial), { everyMs: 200 });
  end(node);
  await allPass(node, farmer);
  const outcome = await seen();
  expectPromised(outcome, trial);
  if (trial.fails === undefined) await expectSameOnBothSides(node, farmer);
  expectBounded(node, trial);
  await expectSound(farm, node, farmer);
  return outcome;
}

/** Below what systems give to whoever asks for any port: while a node refuses connections, nobody gets the one it had. */
let lastPort = randomInt(10_000, 30_000);
function portOfItsOwn(): number {
  lastPort += 1;
  return lastPort;
}

function seenIn(counts: Counts) {
  return {
    passed: total(counts, 'farmer_challenges_passed_total'),
    failed: byLabels(counts, 'farmer_challenges_failed_total'),
    ended: byLabels(counts, 'farmer_contracts_ended_total'),
    refused: byLabels(counts, 'farmer_contracts_refused_total'),
    spoilt: byLabels(counts, 'farmer_chunk_faults_total'),
    requests: byLabels(counts, 'farmer_node_requests_total'),
  };
}

/** Waits until the node has as many contracts as the farmer has room for, and each has passed since. */
async function allPass(node: MockNode, farmer: TestFarmer): Promise<void> {
  const contracts = () => [...node.lab.ledger.all(node.lab.clock.now())];
  const before = new Map(contracts().map(({ hash, results }) => [hash, results.passed]));
  await until(
    () => contracts().map(({ hash, results }) => ({ hash, passed: results.passed - (before.get(hash) ?? 0) })),
    (held) => held.length === CONTRACTS && held.every(({ passed }) => passed > 0),
  );
  await until(
    farmer.status,
    ({ contracts, node }) => contracts.total === CONTRACTS && contracts.generating === 0 && node.reachable,
  );
}

/** Whether everything that is promised to go wrong has. */
function hasCome(seen: Seen, { fails = {}, ends = {}, refuses = {}, spoils = {}, counted }: Trial): boolean {
  const areThere = (promised: Record<string, Count>, counts: Record<string, number>) =>
    Object.entries(promised).every(([name, count]) => (counts[name] ?? 0) >= least(count));
  return (
    areThere(fails, seen.failed) &&
    areThere(ends, seen.ended) &&
    areThere(refuses, seen.refused) &&
    areThere(spoils, seen.spoilt) &&
    (counted === undefined || seen.requests[counted] !== undefined)
  );
}

function least(count: Count): number {
  if (count === 'some') return 1;
  return count === 'any' ? 0 : count;
}

function expectPromised({ failed, ended, refused, spoilt }: Seen, { fails, ends, refuses, spoils }: Trial): void {
  const asPromised = (counts: Record<string, number>, promised: Record<string, Count> = {}) => {
    const wanted = Object.entries(promised).map(([name, count]) => [
      name,
      typeof count === 'number' ? count : Math.max(counts[name] ?? 0, least(count)),
    ]);
    return Object.fromEntries(wanted.filter(([, count]) => count !== 0));
  };
  expect({ failed, ended, refused, spoilt }).toEqual({
    failed: asPromised(failed, fails),
    ended: asPromised(ended, ends),
    refused: asPromised(refused, refuses),
    spoilt: asPromised(spoilt, spoils),
  });
}

/** Where nothing is lost, both sides have counted the same: the farmer deceives itself neither way. */
async function expectSameOnBothSides({ lab }: MockNode, farmer: TestFarmer): Promise<void> {
  const counts = () => {
    const { passed, failed } = farmer.status().challenges;
    const node = lab.info().challenges;
    return { passed, failed, onTheNode: { passed: node.passed, failed: node.wrong + node.unanswered } };
  };
  const isSame = ({ passed, failed, onTheNode }: ReturnType<typeof counts>) =>
    passed === onTheNode.passed && failed === onTheNode.failed;
  expect(await until(counts, isSame)).toMatchObject({ failed: 0, onTheNode: { failed: 0 } });
}

/** What is too long was cut off. */
function expectBounded({ lab }: MockNode, { readsAtMostBytes = Number.POSITIVE_INFINITY }: Trial): void {
  expect(Math.max(...lab.journal.find().map(({ replyBytes }) => replyBytes))).toBeLessThan(readsAtMostBytes);
}

/** The farmer lives, is ready, tells no secret, and has the files of its contracts and no others. */
async function expectSound(farm: TestFarm, { lab }: MockNode, farmer: TestFarmer): Promise<void> {
  const codes = ['/healthz', '/readyz'].map(async (path) => (await fetch(farmer.url + path)).status);
  expect(await Promise.all(codes)).toEqual([200, 200]);
  expect(farmer.lines.filter((line) => !line.startsWith('{') || line.includes('farming broke down'))).toEqual([]);

  // Nobody was led elsewhere.
  expect(lab.journal.unmatched()).toEqual([]);

  const now = lab.clock.now();
  const contracts = [...lab.ledger.all(now)];
  const secrets = [...farmer.secrets, ...contracts.map(({ hash }) => lab.ledger.secretOf(hash, now) ?? hash)];
  const told = farmer.lines.join('');
  expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);

  const files = readdirSync(farm.folder).filter((name) => !name.startsWith('genesis of '));
  const data = readdirSync(farm.dataDir).filter((name) => !name.startsWith('state.db'));
  const chunks = readdirSync(join(farm.dataDir, 'chunks'));
  expect([files, data, chunks.sort()]).toEqual([['data'], ['chunks'], contracts.map(({ hash }) => hash).sort()]);
}
