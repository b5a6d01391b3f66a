import { V1_SCHEMES } from '@downstream/protocol';
import { z } from 'zod';
import type { ClockSnapshot } from '../clock/node-clock.ts';
import type { StoredHeartbeat } from '../heartbeats/heartbeat.ts';
import type { StoredContract } from '../ledger/contract.ts';
import type { FarmerRecord } from '../ledger/farmer-record.ts';
import type { EndedContract } from '../ledger/ledger-store.ts';

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

const heartbeat: z.ZodType<StoredHeartbeat> = z.object({
  scheme: z.enum(V1_SCHEMES),
  checkFraction: z.number(),
  json: z.unknown(),
});

const farmerRecord: z.ZodType<FarmerRecord> = z.object({
  token: z.string(),
  address: z.string(),
  client: z.string(),
  contracts: z.number(),
  sizeBytes: z.number(),
  passed: z.number(),
  lastDueAt: z.number().optional(),
  online: z.object({ since: z.number(), until: z.number(), coveredMs: z.number() }).optional(),
});

const storedContract: z.ZodType<StoredContract> = z.object({
  index: z.number(),
  token: z.string(),
  hash: z.string(),
  sizeBytes: z.number(),
  proof: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('digest'), secret: z.string(), seed: z.string() }),
    z.object({ kind: z.literal('heartbeat'), state: z.string() }),
  ]),
  challenge: z.string(),
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
  heartbeat: fromJson(heartbeat).nullable(),
});
export const farmerRow = z.object({ record: fromJson(farmerRecord) });
export const contractRow = z.object({ contract: fromJson(storedContract) });
export const endedRow: z.ZodType<EndedContract> = z.object({ token: z.string(), hash: z.string() });
