import { z } from 'zod';
import type { ClockSnapshot } from '../clock/node-clock.ts';
import type { StoredContract } from '../ledger/contract.ts';

// Rows are validated when they are read, because other programs can change the file.

export const nodeRow = z.object({
  seed: z.string(),
  genesis_sha256: z.string(),
  farmers_created: z.number(),
  contracts_created: z.number(),
});
export const farmerRow = z.object({ token: z.string() });
export const clockRow = z
  .object({
    mode: z.enum(['real', 'frozen']),
    scale: z.number(),
    start_scale: z.number(),
    node_ms: z.number(),
    real_ms: z.number(),
  })
  .transform(
    ({ start_scale, node_ms, real_ms, ...rate }): ClockSnapshot => ({
      ...rate,
      startScale: start_scale,
      node: node_ms,
      real: real_ms,
    }),
  );
export const contractRow = z
  .object({
    number: z.number(),
    token: z.string(),
    hash: z.string(),
    secret: z.string(),
    interval_ms: z.number(),
    accepted_at: z.number(),
    started_at: z.number(),
    round: z.number(),
    response: z.string().nullable(),
    response_passed: z.number().nullable(),
    consecutive_failures: z.number(),
    passed: z.number(),
    wrong: z.number(),
    unanswered: z.number(),
  })
  .transform(
    (row): StoredContract => ({
      index: row.number,
      token: row.token,
      hash: row.hash,
      secret: row.secret,
      intervalMs: row.interval_ms,
      acceptedAt: row.accepted_at,
      startedAt: row.started_at,
      round: row.round,
      settled: row.response === null ? undefined : { response: row.response, passed: row.response_passed === 1 },
      consecutiveFailures: row.consecutive_failures,
      results: { passed: row.passed, wrong: row.wrong, unanswered: row.unanswered },
    }),
  );

/** The values in the order of the INSERT statement. */
export function toRowValues(contract: Readonly<StoredContract>) {
  const {
    index,
    token,
    hash,
    secret,
    intervalMs,
    acceptedAt,
    startedAt,
    round,
    settled,
    consecutiveFailures,
    results,
  } = contract;
  const answered = settled === undefined ? [null, null] : [settled.response, Number(settled.passed)];
  const { passed, wrong, unanswered } = results;
  const terms = [index, token, hash, secret, intervalMs, acceptedAt];
  return [...terms, startedAt, round, ...answered, consecutiveFailures, passed, wrong, unanswered];
}
