import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { MockNode } from '@downstream/mock-node';
import { getErrorMessage } from '@downstream/platform';
import { expect } from '@jest/globals';
import { type TestFarmer, until } from '../support/test-farm.ts';
import type { Count, ExpectedOutcome } from './cases.ts';
import { CONTRACTS, type FarmPool, type Pair } from './farm-pool.ts';
import { byLabels, type Counts, parseCounts, since, total } from './metric-counts.ts';

/** A bad time for a farmer, and what it promises to make of it. */
export interface Trial extends ExpectedOutcome {
  /** Whether it begins before the farmer comes, or comes over it while it farms with all its room filled. */
  readonly begins: 'before' | 'amid';
  readonly begin: (node: MockNode) => void;
  readonly isOver: (node: MockNode) => boolean;
  readonly end: (node: MockNode) => void;
  /** So many contracts are ended first: the farmer has to ask for others. Not counted as lost. */
  readonly contractsToExpire: number;
  /** A request that went wrong, as the metrics count it: `due timeout`. */
  readonly counted?: string;
  readonly maxBytesRead?: number;
}

/** What is seen of a trial, from the farmer's metrics. */
export type Seen = ReturnType<typeof toObservation>;

/** A promise is broken by what happens, not by how long a busy machine takes. */
const PATIENT = { withinMs: 45_000 };

/** Farms through a trial until all is well again. @throws where the farmer does not keep what is promised */
export async function runTrial(trial: Trial, pairs: FarmPool): Promise<Seen> {
  const { begins, begin, node: options = {} } = trial;
  if (begins === 'before') return await pairs.useNew(options, begin, async (pair) => await watch(pair, trial));
  return await pairs.use(options, allPass, async (pair) => await watch(pair, trial));
}

/** Promises are about time: whether a machine that had none to give broke them is said. */
async function watch(pair: Pair, trial: Trial): Promise<Seen> {
  const delay = monitorEventLoopDelay();
  delay.enable();
  try {
    return await runTrialOn(pair, trial);
  } catch (error) {
    const ms = Math.round(delay.max / 1e6);
    throw new Error(`${getErrorMessage(error)}\n\nAt the worst, the machine kept this process waiting for ${ms} ms.`, {
      cause: error,
    });
  } finally {
    delay.disable();
  }
}

async function runTrialOn(pair: Pair, trial: Trial): Promise<Seen> {
  const { node, farmer } = pair;
  const { controller } = node;
  const { begins, begin, isOver, end, contractsToExpire: room } = trial;
  const counts = async () => parseCounts(await farmer.metrics());
  let before: Counts = new Map();
  const linesBefore = farmer.lines.length;
  let booksBefore = NO_DIFFERENCE;
  if (begins === 'amid') {
    controller.journal.clear();
    booksBefore = await compareCounts(pair);
    before = await counts();
    begin(node);
    const now = controller.clock.now();
    for (const { hash } of [...controller.ledger.all(now)].slice(0, room)) controller.ledger.expire(hash, now);
  }
  const seen = async () => toObservation(since(before, await counts()), room);
  await until(() => isOver(node), Boolean, PATIENT);
  await until(seen, (now) => isComplete(now, trial), { ...PATIENT, everyMs: 200 });
  end(node);
  await allPass(pair);
  const outcome = await seen();
  expectOutcome(outcome, trial);
  if (trial.fails === undefined) expect(await compareCounts(pair)).toEqual(booksBefore);
  expectCutOff(node, trial);
  expectWarning(farmer.lines.slice(linesBefore), trial);
  await expectHealthy(pair);
  return outcome;
}

function toObservation(counts: Counts, endedByUs: number) {
  const ended = byLabels(counts, 'farmer_contracts_ended_total');
  const byNode = (ended['ended_by_node'] ?? 0) - endedByUs;
  return {
    passed: total(counts, 'farmer_challenges_passed_total'),
    failed: byLabels(counts, 'farmer_challenges_failed_total'),
    ended: dropZeros({ ...ended, ended_by_node: byNode }),
    refused: byLabels(counts, 'farmer_contracts_rejected_total'),
    spoilt: byLabels(counts, 'farmer_chunk_errors_total'),
    requests: byLabels(counts, 'farmer_node_requests_total'),
  };
}

function dropZeros(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

/** Waits until the node has as many contracts as the farmer has room for, and each has passed since. */
async function allPass({ node: { controller }, farmer }: Pair): Promise<void> {
  const contracts = () => [...controller.ledger.all(controller.clock.now())];
  const before = new Map(contracts().map(({ hash, results }) => [hash, results.passed]));
  await until(
    () => contracts().map(({ hash, results }) => ({ hash, passed: results.passed - (before.get(hash) ?? 0) })),
    (held) => held.length === CONTRACTS && held.every(({ passed }) => passed > 0),
    PATIENT,
  );
  await until(
    farmer.status,
    ({ nodes, contracts: { waiting } }) => waiting === CONTRACTS && nodes.every(({ reachable }) => reachable),
    PATIENT,
  );
}

/** Whether everything that is promised to go wrong has. */
function isComplete(
  seen: Seen,
  { fails = {}, minFailures = 0, ends = {}, refuses = {}, spoils = {}, counted }: Trial,
): boolean {
  const failedInAll = Object.values(seen.failed).reduce((sum, count) => sum + count, 0);
  const areThere = (promised: Record<string, Count>, counts: Record<string, number>) =>
    Object.entries(promised).every(([name, count]) => (counts[name] ?? 0) >= least(count));
  return (
    failedInAll >= minFailures &&
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

function expectOutcome({ failed, ended, refused, spoilt }: Seen, { fails, ends, refuses, spoils }: Trial): void {
  const asPromised = (counts: Record<string, number>, promised: Record<string, Count> = {}) =>
    dropZeros(
      Object.fromEntries(
        Object.entries(promised).map(([name, count]) => [
          name,
          typeof count === 'number' ? count : Math.max(counts[name] ?? 0, least(count)),
        ]),
      ),
    );
  expect({ failed, ended, refused, spoilt }).toEqual({
    failed: asPromised(failed, fails),
    ended: asPromised(ended, ends),
    refused: asPromised(refused, refuses),
    spoilt: asPromised(spoilt, spoils),
  });
}

const NO_DIFFERENCE = { passed: 0, failed: 0 };

/** By how much the two sides' counts differ, while no answer is under way: the farmer must deceive itself neither way. */
async function compareCounts({ node: { controller }, farmer }: Pair): Promise<typeof NO_DIFFERENCE> {
  const look = () => {
    const { challenges, contracts } = farmer.status();
    const { passed, wrong, unanswered } = controller.info().challenges;
    const difference = { passed: challenges.passed - passed, failed: challenges.failed - wrong - unanswered };
    return { isQuiet: contracts.waiting === CONTRACTS, difference };
  };
  return (await until(look, ({ isQuiet }) => isQuiet)).difference;
}

/** Whoever reads the log finds that something went wrong. */
function expectWarning(lines: readonly string[], { counted = 'ok' }: Trial): void {
  if (counted.endsWith('ok')) return;
  expect(lines.find((line) => /"level":"(warn|error)"/.test(line))).toBeDefined();
}

/** What is too long was not read to its end. */
function expectCutOff({ controller }: MockNode, { maxBytesRead = Number.POSITIVE_INFINITY }: Trial): void {
  expect(Math.max(...controller.journal.find().map(({ responseBytes }) => responseBytes))).toBeLessThan(maxBytesRead);
}

/** The farmer lives, is ready, was not led elsewhere, tells no secret, and has the files of its contracts alone. */
async function expectHealthy({ farm, node: { controller }, farmer }: Pair): Promise<void> {
  const codes = ['/healthz', '/readyz'].map(async (path) => (await fetch(farmer.url + path)).status);
  expect(await Promise.all(codes)).toEqual([200, 200]);
  expect(controller.journal.unmatched()).toEqual([]);

  const now = controller.clock.now();
  const contracts = [...controller.ledger.all(now)];
  expectNoSecrets(farmer, [
    ...farmer.secrets,
    ...contracts.map(({ hash }) => controller.ledger.getChunkSecret(hash, now) ?? hash),
  ]);
  const files = readdirSync(farm.folder).filter((name) => !name.startsWith('genesis of '));
  const data = readdirSync(farm.dataDir).filter((name) => !/^(state\.|\.probe$)/.test(name));
  const chunks = readdirSync(join(farm.dataDir, 'chunks')).filter((name) => name !== '.probe');
  expect([files, data, chunks.sort()]).toEqual([
    ['data'],
    ['chunks', 'control.sock', 'downstream.json'],
    contracts.map(({ hash }) => hash).sort(),
  ]);
}

/** Nothing broke down, and no secret was told. */
function expectNoSecrets({ lines }: TestFarmer, secrets: readonly string[]): void {
  expect(lines.filter((line) => !line.startsWith('{') || line.includes('unexpected error, shutting down'))).toEqual([]);
  const told = lines.join('');
  expect(secrets.filter((secret) => told.includes(secret))).toEqual([]);
}
