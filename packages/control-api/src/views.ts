import { z } from 'zod';
import { faultName } from './faults.ts';
import { instant } from './instants.ts';
import { routeName } from './route-name.ts';

const count = z.number().int().min(0);
const clockMode = z.enum(['real', 'frozen']);
const challengeResult = z.enum(['passed', 'wrong', 'unanswered']);

export const clockView = z.object({
  mode: clockMode,
  scale: z.number().describe('Node time that passes per unit of real time unless the clock is frozen.'),
  now: instant,
});
export type ClockView = z.output<typeof clockView>;

export const clockChange = z.strictObject({
  mode: clockMode,
  scale: z
    .number()
    .min(0.001)
    .max(1_000_000)
    .optional()
    .describe('How much faster than real time the clock runs in the mode `real`. Default: unchanged.'),
});
export type ClockChange = z.output<typeof clockChange>;

export const clockAdvance = z.strictObject({ ms: z.number().int().min(0).max(31_622_400_000) });

export const contractView = z.object({
  hash: z.string().describe('Its number in the v1 API.'),
  farmer: z.string().describe("The first characters of the farmer's token."),
  api: z.enum(['prototype', 'v1']),
  index: count.describe('The number of contracts that the node issued before this one.'),
  sizeBytes: count.describe('Size of the chunk.'),
  state: z.enum(['due', 'settled']).describe('Whether the challenge of the current round is open or answered.'),
  round: count,
  challenge: z.string(),
  intervalMs: z.number(),
  acceptedAt: instant,
  dueAt: instant.describe('End of the current round.'),
  consecutiveFailures: count,
  passed: count,
  wrong: count,
  unanswered: count,
});
export type ContractView = z.output<typeof contractView>;

/** A request to the node's API, and its result. */
export const journalEntry = z.object({
  id: count.describe('Starts at 1 and is never reused.'),
  at: instant,
  requestId: z.string().describe("The request's id in the logs of both sides."),
  method: z.string(),
  route: routeName.nullable().describe('`null` if no route matches.'),
  path: z.string().describe('Tokens and responses to challenges are shortened.'),
  farmer: z.string().optional().describe("The first characters of the farmer's token."),
  contract: z.string().optional().describe('The hash of the contract in the path.'),
  status: z.number().int().nullable().describe('`null` if there was no HTTP response.'),
  durationMs: z.number(),
  faults: z.array(faultName).describe('The applied faults in order.'),
  requestBody: z.string().optional().describe('The beginning of the body.'),
  responseBody: z.string().optional().describe('The beginning of the body, with shortened tokens and secrets.'),
  responseBytes: count,
});
export type JournalEntry = z.output<typeof journalEntry>;

/** Selects requests that match all given fields. */
export const journalFilter = z.strictObject({
  route: routeName.optional(),
  method: z.string().max(10).optional(),
  farmer: z.string().min(1).max(128).optional().describe("A farmer's token or its beginning."),
  contract: z.string().min(1).max(64).optional().describe("A contract's hash or its beginning."),
  status: z.coerce.number().int().min(100).max(599).optional(),
  fault: faultName.optional(),
  since: z.coerce.number().int().min(0).optional().describe('Only requests with a greater `id`.'),
});
export type JournalFilter = z.output<typeof journalFilter>;

export const challengeCounts = z.object({ passed: count, wrong: count, unanswered: count });

/** The node's overall state. */
export const info = z.object({
  version: z.string(),
  commit: z
    .string()
    .describe(
      'The commit of the build, with `-dirty` if the build contains other changes; `unknown` if it was not recorded.',
    ),
  seed: z.string().describe('Repeats the run since the start or the last reset of the contracts.'),
  startedAt: instant,
  apiPort: z.number().int(),
  scenario: z.string().nullable().describe('The scenario that was applied last.'),
  farmers: count,
  contracts: z.object({ due: count, settled: count }),
  challenges: challengeCounts,
  requests: z.object({ kept: count, dropped: count }),
  clock: clockView,
});
export type Info = z.output<typeof info>;

export const RESETTABLE = ['contracts', 'faults', 'requests', 'clock', 'config'] as const;
export const resetRequest = z.strictObject({
  parts: z.array(z.enum(RESETTABLE)).min(1).max(RESETTABLE.length).optional(),
});
export type ResetPart = (typeof RESETTABLE)[number];

export const controllerEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('request'), request: journalEntry }),
  z.object({
    type: z.literal('contract'),
    change: z.enum(['accepted', 'ended']),
    hash: z.string(),
    reason: z.enum(['failed', 'removed', 'expired', 'forgotten', 'replaced', 'completed']).optional(),
  }),
  z.object({
    type: z.literal('challenge'),
    hash: z.string(),
    result: challengeResult,
    count,
    late: z.boolean().optional().describe('Whether a wrong answer is the right one to the previous challenge.'),
  }),
  z
    .object({
      type: z.literal('proof'),
      change: z.literal('rejected'),
      hash: z.string(),
      reason: z.enum(['invalid', 'corrupted', 'answered', 'expired', 'not_found']),
    })
    .describe('A proof of the v1 API that did not settle its challenge.'),
  z.object({ type: z.literal('fault'), change: z.enum(['added', 'changed', 'removed', 'applied']), name: faultName }),
  z.object({ type: z.literal('scenario'), name: z.string() }),
  z.object({ type: z.literal('clock'), clock: clockView }),
  z.object({ type: z.literal('config') }),
  z.object({ type: z.literal('reset'), parts: z.array(z.enum(RESETTABLE)) }),
]);
export type ControllerEvent = z.output<typeof controllerEvent>;

export const health = z.object({ status: z.literal('ok') });

export const requestCount = z.object({ count });

export const challengeOpened = z.object({
  challenge: z.string(),
  opened: z.boolean().describe('Whether the challenge is new. If false, it was open already.'),
});

/** The body of every error response. */
export const problem = z.object({
  status: z.literal('error'),
  message: z.string(),
  errors: z
    .array(
      z.object({
        pointer: z
          .string()
          .describe(
            'JSON pointer (RFC 6901) into the body. `/query/…` is a parameter of the query, `/path/…` one of the path.',
          ),
        message: z.string(),
      }),
    )
    .optional(),
  count: count.optional().describe('The number of matching requests when a wait timed out.'),
});
export type Problem = z.output<typeof problem>;
