import { cpSync, mkdtempDisposableSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync } from 'node:sqlite';
import type { MockNode } from '@downstream/mock-node';
import { getErrorMessage } from '@downstream/platform';
import { expect } from '@jest/globals';
import { listChunks, until } from '../support/test-farm.ts';
import type { Count, ExpectedOutcome } from './cases.ts';
import type { ObservedFarmer } from './environments.ts';
import { CONTRACTS, type FarmPool, type Pair } from './farm-pool.ts';
import { byLabels, type Counts, parseCounts, since, total } from './metric-counts.ts';

/** A fault for a farmer in an environment, and the expected outcome. */
export interface Trial<E> extends ExpectedOutcome {
  /** Causes the fault before the farmer starts. */
  readonly prepare?: (node: MockNode) => void;
  /** Without `prepare`: causes the fault while the farmer runs at its capacity. */
  readonly begin?: (pair: Pair<E>) => Promise<void> | void;
  /** Whether the fault has had its effect. Default: as soon as it has begun. */
  readonly isOver?: (node: MockNode) => boolean;
  readonly end?: (node: MockNode) => void;
  /** The number of contracts that the trial expires first, so that the farmer requests others. */
  readonly contractsToExpire: number;
  /** The labels of an affected request in the metrics: `due timeout`. */
  readonly counted?: string;
  readonly maxBytesRead?: number;
}

/** The outcome of a trial in the farmer's metrics. */
export type Observation = ReturnType<typeof toObservation>;

/** Far more than a trial takes, for busy machines. */
const TIMEOUT = { withinMs: 45_000 };
/** A scrape of the metrics takes some milliseconds. */
const SLOW_POLL = { ...TIMEOUT, everyMs: 400 };
const MAX_WARNINGS_SHOWN = 20;

/** Runs a trial until all contracts pass again. @throws if the outcome differs from the expected one */
export async function runTrial<E>(trial: Trial<E>, pairs: FarmPool<E>): Promise<Observation> {
  const { prepare, node: options = {} } = trial;
  if (prepare !== undefined) return await pairs.useNew(options, prepare, async (pair) => await watch(pair, trial));
  return await pairs.use(options, waitUntilAllPass, async (pair) => await watch(pair, trial));
}

/** Adds the maximum delay of the event loop, because a busy machine can cause an error, and the farmer's warnings. */
async function watch<E>(pair: Pair<E>, trial: Trial<E>): Promise<Observation> {
  const delay = monitorEventLoopDelay();
  delay.enable();
  try {
    return await runTrialOn(pair, trial);
  } catch (error) {
    const ms = Math.round(delay.max / 1e6);
    const warnings = pair.farmer.lines.filter(isWarning).slice(-MAX_WARNINGS_SHOWN).join('');
    throw new Error(`${getErrorMessage(error)}\n\nMaximum delay of the event loop: ${ms} ms.\n${warnings}`, {
      cause: error,
    });
  } finally {
    delay.disable();
  }
}

async function runTrialOn<E>(pair: Pair<E>, trial: Trial<E>): Promise<Observation> {
  const { node, farmer } = pair;
  const { controller } = node;
  const { prepare, begin, isOver, end, contractsToExpire } = trial;
  const counts = async () => parseCounts(await farmer.metrics());
  let before: Counts = new Map();
  const linesBefore = farmer.lines.length;
  let differenceBefore = NO_DIFFERENCE;
  if (prepare === undefined) {
    controller.journal.clear();
    differenceBefore = await compareCounts(pair);
    before = await counts();
    await begin?.(pair);
    const now = controller.clock.now();
    for (const { hash } of [...controller.ledger.listContracts(now)].slice(0, contractsToExpire))
      controller.ledger.expire(hash, now);
  }
  const seen = async () => toObservation(since(before, await counts()), contractsToExpire);
  await until(() => isOver?.(node) ?? true, Boolean, TIMEOUT);
  const expectedFirst = trial.endsContractsAfterwards ? { ...trial, ended: {} } : trial;
  await until(seen, (now) => isComplete(now, expectedFirst), SLOW_POLL);
  end?.(node);
  await until(seen, (now) => isComplete(now, trial), SLOW_POLL);
  await waitUntilAllPass(pair);
  const outcome = await seen();
  expectOutcome(outcome, trial);
  if (trial.failed === undefined) expect(await compareCounts(pair)).toEqual(differenceBefore);
  expectBoundedRead(node, trial);
  expectWarning(farmer.lines.slice(linesBefore), trial);
  await expectHealthy(pair);
  return outcome;
}

function toObservation(counts: Counts, expiredByTrial: number) {
  const ended = byLabels(counts, 'farmer_contracts_ended_total');
  const byNode = (ended['ended_by_node'] ?? 0) - expiredByTrial;
  return {
    passed: total(counts, 'farmer_challenges_passed_total'),
    failed: byLabels(counts, 'farmer_challenges_failed_total'),
    ended: dropZeros({ ...ended, ended_by_node: byNode }),
    rejected: byLabels(counts, 'farmer_contracts_rejected_total'),
    chunkErrors: byLabels(counts, 'farmer_chunk_errors_total'),
    requests: byLabels(counts, 'farmer_node_requests_total'),
  };
}

function dropZeros(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

/** Waits until the farmer is at its capacity and each contract has passed once more. */
async function waitUntilAllPass({ node: { controller }, farmer, api }: Pair<unknown>): Promise<void> {
  const contracts = () => [...controller.ledger.listContracts(controller.clock.now())];
  const before = new Map(contracts().map(({ hash, results }) => [hash, results.passed]));
  await until(
    () => contracts().map(({ hash, results }) => ({ hash, passed: results.passed - (before.get(hash) ?? 0) })),
    // Farmers cannot release contracts of the v1 API: the node keeps those whose offer did not arrive.
    (held) =>
      held.filter(({ passed }) => passed > 0).length === CONTRACTS && (api === 'v1' || held.length === CONTRACTS),
    TIMEOUT,
  );
  await until(
    farmer.status,
    ({ nodes, contracts: { waiting } }) => waiting === CONTRACTS && nodes.every(({ reachable }) => reachable),
    TIMEOUT,
  );
}

/** Whether all expected losses have occurred. */
function isComplete(
  seen: Observation,
  {
    failed = {},
    minFailures = 0,
    ended = {},
    rejected = {},
    chunkErrors = {},
    counted,
  }: ExpectedOutcome & { readonly counted?: string },
): boolean {
  const failures = Object.values(seen.failed).reduce((sum, count) => sum + count, 0);
  const haveOccurred = (expected: Record<string, Count>, counts: Record<string, number>) =>
    Object.entries(expected).every(([name, count]) => (counts[name] ?? 0) >= toMinimum(count));
  return (
    failures >= minFailures &&
    haveOccurred(failed, seen.failed) &&
    haveOccurred(ended, seen.ended) &&
    haveOccurred(rejected, seen.rejected) &&
    haveOccurred(chunkErrors, seen.chunkErrors) &&
    (counted === undefined || seen.requests[counted] !== undefined)
  );
}

function toMinimum(count: Count): number {
  if (count === 'some') return 1;
  return count === 'any' ? 0 : count;
}

function expectOutcome(observation: Observation, trial: ExpectedOutcome): void {
  const { failed, ended, rejected, chunkErrors } = observation;
  const fillIn = (counts: Record<string, number>, expected: Record<string, Count> = {}) =>
    dropZeros(
      Object.fromEntries(
        Object.entries(expected).map(([name, count]) => [
          name,
          typeof count === 'number' ? count : Math.max(counts[name] ?? 0, toMinimum(count)),
        ]),
      ),
    );
  expect({ failed, ended, rejected, chunkErrors }).toEqual({
    failed: fillIn(failed, trial.failed),
    ended: fillIn(ended, trial.ended),
    rejected: fillIn(rejected, trial.rejected),
    chunkErrors: fillIn(chunkErrors, trial.chunkErrors),
  });
}

const NO_DIFFERENCE = { passed: 0, failed: 0 };

/** The difference between the results that the farmer and the node counted, while no answer is pending. */
async function compareCounts({ node: { controller }, farmer }: Pair<unknown>): Promise<typeof NO_DIFFERENCE> {
  const look = async () => {
    const { challenges, contracts } = await farmer.status();
    const { passed, wrong, unanswered } = controller.getInfo().challenges;
    const difference = { passed: challenges.passed - passed, failed: challenges.failed - wrong - unanswered };
    return { isQuiet: contracts.waiting === CONTRACTS, difference };
  };
  return (await until(look, ({ isQuiet }) => isQuiet)).difference;
}

/** Expects a warning or an error in the log if a request failed. */
function expectWarning(lines: readonly string[], { counted = 'ok' }: { readonly counted?: string }): void {
  if (counted.endsWith('ok')) return;
  expect(lines.find(isWarning)).toBeDefined();
}

function isWarning(line: string): boolean {
  return /"level":"(warn|error)"/.test(line);
}

/** Expects that the farmer did not read too much of a response. */
function expectBoundedRead(
  { controller }: MockNode,
  { maxBytesRead = Number.POSITIVE_INFINITY }: { readonly maxBytesRead?: number },
): void {
  expect(Math.max(...controller.journal.find().map(({ responseBytes }) => responseBytes))).toBeLessThan(maxBytesRead);
}

/** Expects a ready farmer that followed no redirect, logged no secret and has only the files of its contracts. */
async function expectHealthy({ farm, node: { controller }, farmer, api }: Pair<unknown>): Promise<void> {
  const codes = ['/healthz', '/readyz'].map(async (path) => (await fetch(farmer.url + path)).status);
  expect(await Promise.all(codes)).toEqual([200, 200]);
  expect(controller.journal.findUnmatched()).toEqual([]);

  const now = controller.clock.now();
  const contracts = [...controller.ledger.listContracts(now)];
  const chunkSecrets =
    api === 'v1'
      ? readSeeds(farm.dataDir)
      : contracts.map(({ hash }) => controller.ledger.digests.getChunkSecret(hash, now) ?? hash);
  expect(chunkSecrets).toHaveLength(CONTRACTS);
  expectNoSecrets(farmer, [...farmer.secrets, ...chunkSecrets]);
  const files = readdirSync(farm.folder).filter((name) => !name.startsWith('genesis of '));
  const data = readdirSync(farm.dataDir).filter((name) => !/^(state\.|tags\.|\.probe)/.test(name));
  expect([files, data]).toEqual([['data'], ['chunks', 'control.sock', 'downstream.json']]);
  const chunks = listChunks(farm.dataDir);
  if (api === 'v1') expect(chunks).toHaveLength(CONTRACTS);
  else expect(chunks.sort()).toEqual(contracts.map(({ hash }) => hash).sort());
}

/**
 * The seeds of a farmer's chunks, which a node of the v1 API does not keep. The farmer locks its state, so this reads a
 * copy, which is consistent because the farmer runs in this thread.
 */
function readSeeds(dataDir: string): string[] {
  using copy = mkdtempDisposableSync(join(tmpdir(), 'state-'));
  for (const name of ['state.db', 'state.db-wal']) cpSync(join(dataDir, name), join(copy.path, name));
  using state = new DatabaseSync(join(copy.path, 'state.db'));
  const rows = state.prepare("SELECT source FROM contract WHERE source_kind = 'seed'").all();
  return rows.map(({ source }) => String(source));
}

/** Expects neither an unexpected error nor a secret in the log. */
function expectNoSecrets({ lines }: ObservedFarmer, secrets: readonly string[]): void {
  expect(lines.filter((line) => !line.startsWith('{') || line.includes('unexpected error, shutting down'))).toEqual([]);
  const log = lines.join('');
  expect(secrets.filter((secret) => log.includes(secret))).toEqual([]);
}
