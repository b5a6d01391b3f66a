import { z } from 'zod';
import { config, configChange } from './config.ts';
import { fault, faultChange, faultName, faultReport, faults } from './faults.ts';
import { scenario, scenarioDefinition } from './scenarios.ts';
import * as views from './views.ts';

export const ADMIN_PREFIX = '/__admin';

export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Relative to {@link ADMIN_PREFIX}. Parameters are written `{name}`. */
  readonly path: `/${string}`;
  readonly summary: string;
  /** Needs no token. */
  readonly isPublic?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** A valid body. */
  readonly example?: unknown;
  readonly status: 200 | 201 | 204;
  readonly response?: z.ZodType;
  /** The type of a stream; `response` is then the schema of one event. */
  readonly contentType?: 'text/event-stream';
  /** The errors of this operation by status, in addition to those of every operation. */
  readonly errors?: Readonly<Record<number, string>>;
}

const named = z.strictObject({ name: faultName });
const byHash = z.strictObject({
  hash: z
    .string()
    .regex(/^([0-9a-f]{64}|\d{1,15})$/, 'must be 64 lowercase hex characters, or the number of a v1 contract'),
});
const limit = z.coerce.number().int().min(1).max(100_000);

const UNKNOWN_FAULT = { 404: 'Unknown fault.' };
const UNKNOWN_SCENARIO = { 404: 'Unknown scenario.' };
const UNKNOWN_CONTRACT = { 404: 'No running contract has this hash.' };

const EXAMPLE_FAULT = {
  name: 'busy',
  match: { route: ['due', 'challenge'] },
  times: 3,
  effect: { kind: 'status', status: 503, retryAfterSeconds: 2 },
};

/** All operations. The server's routes, the client and the OpenAPI document derive from this table. */
export const OPERATIONS = {
  getLiveness: {
    method: 'get',
    path: '/health/live',
    summary: 'Succeeds while the process runs.',
    isPublic: true,
    status: 200,
    response: views.health,
  },
  getReadiness: {
    method: 'get',
    path: '/health/ready',
    summary: 'Succeeds while the node can be used, including while a fault makes it refuse connections.',
    isPublic: true,
    status: 200,
    response: views.health,
    errors: {
      503: 'The node is stopping, cannot open its port again after a fault closed it, or cannot store its state.',
    },
  },
  getInfo: {
    method: 'get',
    path: '/info',
    summary: "Returns the node's overall state.",
    status: 200,
    response: views.info,
  },
  reset: {
    method: 'post',
    path: '/reset',
    summary: 'Restores the initial state of the node, or only the given parts.',
    body: views.resetRequest.optional(),
    example: { parts: ['contracts', 'requests'] },
    status: 204,
  },
  getConfig: {
    method: 'get',
    path: '/config',
    summary: 'Returns the settings that can change at run time.',
    status: 200,
    response: config,
  },
  updateConfig: {
    method: 'patch',
    path: '/config',
    summary: 'Changes settings.',
    body: configChange,
    example: { intervalMs: 10_000 },
    status: 200,
    response: config,
  },
  listFaults: {
    method: 'get',
    path: '/faults',
    summary: 'Lists all faults in order, with their counts.',
    status: 200,
    response: z.array(faultReport),
  },
  addFault: {
    method: 'post',
    path: '/faults',
    summary: 'Adds a fault at the end of the list.',
    body: fault,
    example: EXAMPLE_FAULT,
    status: 201,
    response: faultReport,
    errors: { 409: 'A fault of this name exists, or the limit of faults is reached.' },
  },
  replaceFaults: {
    method: 'put',
    path: '/faults',
    summary: 'Replaces all faults with new ones.',
    body: faults,
    example: [EXAMPLE_FAULT, { name: 'lost', probability: 0.1, effect: 'drop_response' }],
    status: 200,
    response: z.array(faultReport),
  },
  removeFaults: { method: 'delete', path: '/faults', summary: 'Removes all faults.', status: 204 },
  getFault: {
    method: 'get',
    path: '/faults/{name}',
    summary: 'Returns a fault with its counts.',
    params: named,
    status: 200,
    response: faultReport,
    errors: UNKNOWN_FAULT,
  },
  updateFault: {
    method: 'patch',
    path: '/faults/{name}',
    summary: 'Changes a fault, which keeps its age and its counts. `null` removes a limit.',
    params: named,
    body: faultChange,
    example: { enabled: false, times: null },
    status: 200,
    response: faultReport,
    errors: UNKNOWN_FAULT,
  },
  removeFault: {
    method: 'delete',
    path: '/faults/{name}',
    summary: 'Removes a fault.',
    params: named,
    status: 204,
    errors: UNKNOWN_FAULT,
  },
  restartFault: {
    method: 'post',
    path: '/faults/{name}/restart',
    summary: 'Restarts the counts, the random sequence, the window and the time to live of a fault.',
    params: named,
    status: 200,
    response: faultReport,
    errors: UNKNOWN_FAULT,
  },
  listScenarios: {
    method: 'get',
    path: '/scenarios',
    summary: 'Lists the presets and all other scenarios that were loaded at the start or defined later.',
    status: 200,
    response: z.array(scenario),
  },
  getScenario: {
    method: 'get',
    path: '/scenarios/{name}',
    summary: 'Returns a scenario.',
    params: named,
    status: 200,
    response: scenario,
    errors: UNKNOWN_SCENARIO,
  },
  defineScenario: {
    method: 'put',
    path: '/scenarios/{name}',
    summary: 'Defines or replaces a scenario without applying it.',
    params: named,
    body: scenarioDefinition,
    example: { description: 'A busy hour.', config: { intervalMs: 10_000 }, faults: [EXAMPLE_FAULT] },
    status: 200,
    response: scenario,
    errors: { 409: 'The name belongs to a preset, or the limit of scenarios is reached.' },
  },
  applyScenario: {
    method: 'post',
    path: '/scenarios/{name}/apply',
    summary: 'Replaces all faults with those of a scenario and applies its settings.',
    params: named,
    status: 200,
    response: scenario,
    errors: UNKNOWN_SCENARIO,
  },
  listRequests: {
    method: 'get',
    path: '/requests',
    summary: "Lists matching requests to the node's API, oldest first: the latest `limit` of them.",
    query: views.journalFilter.extend({ limit: limit.default(1_000) }),
    status: 200,
    response: z.array(views.journalEntry),
  },
  clearRequests: {
    method: 'delete',
    path: '/requests',
    summary: 'Clears the journal of requests. The ids continue.',
    status: 204,
  },
  countRequests: {
    method: 'get',
    path: '/requests/count',
    summary: 'Counts the matching requests in the journal.',
    query: views.journalFilter,
    status: 200,
    response: views.requestCount,
  },
  waitForRequests: {
    method: 'get',
    path: '/requests/wait',
    summary: 'Waits until `count` requests match, including those already in the journal.',
    query: views.journalFilter.extend({
      count: z.coerce.number().int().min(1).max(1_000_000).default(1),
      timeoutMs: z.coerce.number().int().min(0).max(60_000).default(10_000).describe('In real time.'),
    }),
    status: 200,
    response: views.requestCount,
    errors: {
      408: 'The timeout expired. `count` is the number of matching requests.',
      503: 'Too many waiting clients.',
    },
  },
  listUnmatchedRequests: {
    method: 'get',
    path: '/requests/unmatched',
    summary: 'Lists requests that match no route of the node, oldest first.',
    status: 200,
    response: z.array(views.journalEntry),
  },
  listContracts: {
    method: 'get',
    path: '/contracts',
    summary: 'Lists running contracts.',
    query: z.strictObject({
      farmer: z.string().min(1).max(128).optional().describe("A farmer's token or its beginning."),
      order: z
        .enum(['accepted', 'due'])
        .default('accepted')
        .describe('`accepted`: by farmer, in order of acceptance. `due`: the earliest deadline first.'),
      skip: z.coerce.number().int().min(0).max(1_000_000).default(0).describe('The number of contracts to skip.'),
      limit: limit.default(1_000),
    }),
    status: 200,
    response: z.array(views.contractView),
  },
  getContract: {
    method: 'get',
    path: '/contracts/{hash}',
    summary: 'Returns a running contract.',
    params: byHash,
    status: 200,
    response: views.contractView,
    errors: UNKNOWN_CONTRACT,
  },
  expireContract: {
    method: 'post',
    path: '/contracts/{hash}/expire',
    summary: 'Ends a contract.',
    params: byHash,
    status: 204,
    errors: UNKNOWN_CONTRACT,
  },
  challengeContract: {
    method: 'post',
    path: '/contracts/{hash}/challenge',
    summary: "Starts a contract's next round now, unless its challenge is still open.",
    params: byHash,
    status: 200,
    response: views.challengeOpened,
    errors: UNKNOWN_CONTRACT,
  },
  getClock: {
    method: 'get',
    path: '/clock',
    summary: "Returns the node's clock.",
    status: 200,
    response: views.clockView,
  },
  setClock: {
    method: 'put',
    path: '/clock',
    summary: 'Freezes the clock, or lets it run at a scale.',
    body: views.clockChange,
    example: { mode: 'real', scale: 60 },
    status: 200,
    response: views.clockView,
  },
  advanceClock: {
    method: 'post',
    path: '/clock/advance',
    summary: 'Moves the clock forward, frozen or not.',
    body: views.clockAdvance,
    example: { ms: 60_000 },
    status: 200,
    response: views.clockView,
    errors: { 409: 'The clock cannot advance beyond the year 9999.' },
  },
  streamEvents: {
    method: 'get',
    path: '/events',
    summary:
      "Streams the node's events as server-sent events whose `data` is JSON. The first event is the clock. A client that reads too slowly is disconnected.",
    status: 200,
    response: views.controllerEvent,
    contentType: 'text/event-stream',
    errors: { 503: 'Too many listening clients.' },
  },
  getOpenApi: {
    method: 'get',
    path: '/openapi.json',
    summary: 'Returns this document.',
    status: 200,
    response: z.looseObject({ openapi: z.string() }),
  },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;

type Part<Name extends OperationName, Key extends 'params' | 'query' | 'body' | 'response'> =
  (typeof OPERATIONS)[Name] extends Record<Key, infer Schema extends z.ZodType> ? Schema : z.ZodUndefined;

export interface OperationInput<Name extends OperationName> {
  readonly params: z.output<Part<Name, 'params'>>;
  readonly query: z.output<Part<Name, 'query'>>;
  readonly body: z.output<Part<Name, 'body'>>;
}

export type OperationBody<Name extends OperationName> = z.input<Part<Name, 'body'>>;

export type OperationResult<Name extends OperationName> = z.output<Part<Name, 'response'>>;
