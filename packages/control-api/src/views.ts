import { z } from 'zod';
import { faultName } from './faults.ts';
import { instant } from './instants.ts';
import { routeName } from './route-name.ts';

const count = z.number().int().min(0);

/** The node's clock. */
export const clockView = z.object({
  mode: z.enum(['real', 'frozen']),
  scale: z.number().describe('Node time that passes in a unit of real time, while it passes.'),
  now: instant,
});
export type ClockView = z.output<typeof clockView>;

export const clockChange = z.strictObject({
  mode: z.enum(['real', 'frozen']),
  scale: z
    .number()
    .min(0.001)
    .max(1_000_000)
    .optional()
    .describe('With `real`: how much faster than real time the clock runs. As before, if not given.'),
});
export type ClockChange = z.output<typeof clockChange>;

export const clockAdvance = z.strictObject({ ms: z.number().int().min(0).max(31_622_400_000) });

/** A contract, as the node has it. */
export const contractView = z.object({
  hash: z.string(),
  farmer: z.string().describe("The first characters of its farmer's token."),
  index: count.describe('Counted from the first contract that the node gave.'),
  state: z.enum(['due', 'settled']).describe("Whether this round's challenge waits for its answer or has had it."),
  round: count,
  challenge: z.string(),
  intervalMs: z.number(),
  acceptedAt: instant,
  dueAt: instant.describe('When this round ends.'),
  consecutiveFailures: count,
  passed: count,
  wrong: count,
  unanswered: count,
});
export type ContractView = z.output<typeof contractView>;

/** One request to the node's API, as it went. */
export const journalEntry = z.object({
  id: count.describe('Counted from 1; never given twice.'),
  at: instant,
  requestId: z.string().describe("What both sides' logs call it."),
  method: z.string(),
  route: routeName.nullable().describe('`null`: no route of the node.'),
  path: z.string().describe('With tokens and responses shortened.'),
  farmer: z.string().optional().describe("The first characters of the farmer's token."),
  contract: z.string().optional().describe("The contract's hash, where the request names one."),
  status: z.number().int().nullable().describe('`null`: there was no HTTP reply.'),
  durationMs: z.number(),
  faults: z.array(faultName).describe('Applied to it, in order.'),
  requestBody: z.string().optional().describe('Its beginning.'),
  responseBody: z.string().optional().describe('Its beginning, with tokens, secrets and responses shortened.'),
  responseBytes: count,
});
export type JournalEntry = z.output<typeof journalEntry>;

/** What requests are looked for: those that fit all that is given. */
export const journalFilter = z.strictObject({
  route: routeName.optional(),
  method: z.string().max(10).optional(),
  farmer: z.string().min(1).max(128).optional().describe("A farmer's token, or its beginning."),
  contract: z.string().min(1).max(64).optional().describe("A contract's hash, or its beginning."),
  status: z.coerce.number().int().min(100).max(599).optional(),
  fault: faultName.optional(),
  since: z.coerce.number().int().min(0).optional().describe('Only requests with a greater `id`.'),
});
export type JournalFilter = z.output<typeof journalFilter>;

export const challengeCounts = z.object({ passed: count, wrong: count, unanswered: count });

/** What the node is and how it is doing. */
export const info = z.object({
  version: z.string(),
  seed: z.string(),
  startedAt: instant,
  apiPort: z.number().int(),
  scenario: z.string().nullable().describe('The one that was applied last.'),
  farmers: count,
  contracts: z.object({ due: count, settled: count }),
  challenges: challengeCounts,
  requests: z.object({ kept: count, dropped: count }),
  clock: clockView,
});
export type Info = z.output<typeof info>;

/** What can be put back to how it was at the start. */
export const RESETTABLE = ['contracts', 'faults', 'requests', 'clock', 'config'] as const;
export const resetRequest = z.strictObject({ parts: z.array(z.enum(RESETTABLE)).min(1).optional() });
export type ResetPart = (typeof RESETTABLE)[number];

/** Something that happened, told to whoever listens. */
export const controllerEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('request'), request: journalEntry }),
  z.object({
    type: z.literal('contract'),
    change: z.enum(['accepted', 'ended']),
    hash: z.string(),
    reason: z.enum(['failed', 'removed', 'expired', 'forgotten', 'replaced']).optional(),
  }),
  z.object({
    type: z.literal('challenge'),
    hash: z.string(),
    result: z.enum(['passed', 'wrong', 'unanswered']),
    count,
  }),
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
  opened: z.boolean().describe('Whether it is a new one; else it waited for its answer already.'),
});

/** What is wrong, and where in what was sent. */
export const problem = z.object({
  status: z.literal('error'),
  message: z.string(),
  errors: z
    .array(
      z.object({
        pointer: z
          .string()
          .describe(
            'JSON pointer (RFC 6901) into the body, to a field that is not known too. `/query/…` is a parameter of the query and `/path/…` one of the path.',
          ),
        message: z.string(),
      }),
    )
    .optional(),
  count: count.optional().describe('Of a wait whose time is up: how many requests there were.'),
});
export type Problem = z.output<typeof problem>;
