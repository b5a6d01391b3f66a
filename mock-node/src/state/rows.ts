import { z } from 'zod';
import type { ClockSnapshot } from '../clock/node-clock.ts';
import type { StoredContract } from '../ledger/contract.ts';

// Rows are validated when they are read, because other programs can change the file.

const fromJson = <T>(schema: z.ZodType<T>) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);

const clock: z.ZodType<ClockSnapshot> = z.object({
  mode: z.enum(['real', 'frozen']),
  scale: z.number(),
  startScale: z.number(),
  node: z.number(),
  real: z.number(),
  boot: z.object({ bootId: z.string(), uptimeMs: z.number() }).optional(),
});

/** A contract without a seed has that of the node. */
const storedContract: z.ZodType<Omit<StoredContract, 'seed'> & { seed?: string | undefined }> = z.object({
  index: z.number(),
  token: z.string(),
  hash: z.string(),
  secret: z.string(),
  seed: z.string().optional(),
  intervalMs: z.number(),
  acceptedAt: z.number(),
  startedAt: z.number(),
  round: z.number().int(),
  settled: z.object({ response: z.string(), passed: z.boolean() }).optional(),
  consecutiveFailures: z.number(),
  results: z.object({ passed: z.number(), wrong: z.number(), unanswered: z.number() }),
});

export const nodeRow = z.object({
  /** Empty if none was set. */
  seed: z.string().transform((seed) => seed || undefined),
  genesis_sha256: z.string(),
  farmers_created: z.number(),
  contracts_created: z.number(),
  clock: fromJson(clock).nullable(),
});
export const farmerRow = z.object({ token: z.string() });
export const contractRow = z.object({ contract: fromJson(storedContract) });
