import { z } from 'zod';
import { config, configChange } from './config.ts';
import { fault, faultChange, faultName, faultReport, faults } from './faults.ts';
import { scenario, scenarioDefinition } from './scenarios.ts';
import {
  challengeOpened,
  clockAdvance,
  clockChange,
  clockView,
  contractView,
  controllerEvent,
  health,
  info,
  journalEntry,
  journalFilter,
  requestCount,
  resetRequest,
} from './views.ts';

/** Below this everything of the control API is. */
export const ADMIN_PREFIX = '/__admin';

/** One thing that can be asked of the control API. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below {@link ADMIN_PREFIX}, with `{name}` for a parameter. */
  readonly path: `/${string}`;
  readonly about: string;
  /** Answered without the token. */
  readonly isOpen?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** A body that is taken. */
  readonly example?: unknown;
  readonly status: 200 | 201 | 204;
  /** What is replied with that status; nothing without. */
  readonly gives?: z.ZodType;
  /** What is replied, where that is no JSON; `gives` is then one of its pieces. */
  readonly contentType?: 'text/event-stream';
  /** Why it may be refused, by status, beside what any request may be refused for. */
  readonly refusals?: Readonly<Record<number, string>>;
}

const named = z.strictObject({ name: faultName });
const byHash = z.strictObject({ hash: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lowercase hex characters') });
const limit = z.coerce.number().int().min(1).max(100_000);

const NO_FAULT = { 404: 'There is no such fault.' };
const NO_SCENARIO = { 404: 'There is no such scenario.' };
const NO_CONTRACT = { 404: 'There is no such contract running.' };
const TOO_FAR = { 409: 'The clock can not be set beyond the year 9999.' };

const EXAMPLE_FAULT = {
  name: 'busy',
  match: { route: ['due', 'challenge'] },
  times: 3,
  effect: { kind: 'status', status: 503, retryAfterSeconds: 2 },
};

/** Everything that can be asked. The server's routes, the client and the OpenAPI document are made from this table. */
export const OPERATIONS = {
  live: {
    method: 'get',
    path: '/health/live',
    about: 'Whether the process works.',
    isOpen: true,
    status: 200,
    gives: health,
  },
  ready: {
    method: 'get',
    path: '/health/ready',
    about: 'Whether the node can be used. It is also while a fault has it refuse connections: that is on purpose.',
    isOpen: true,
    status: 200,
    gives: health,
    refusals: { 503: 'It is going down, or can not listen on its port.' },
  },
  info: { method: 'get', path: '/info', about: 'What the node is and how it is doing.', status: 200, gives: info },
  reset: {
    method: 'post',
    path: '/reset',
    about: 'Puts everything, or the parts that are named, back to how it was at the start.',
    body: resetRequest.optional(),
    example: { parts: ['contracts', 'requests'] },
    status: 204,
  },
  config: { method: 'get', path: '/config', about: 'The settings that can be changed.', status: 200, gives: config },
  configure: {
    method: 'patch',
    path: '/config',
    about: 'Changes settings, for contracts taken and challenges settled from now on.',
    body: configChange,
    example: { intervalMs: 10_000 },
    status: 200,
    gives: config,
  },
  faults: {
    method: 'get',
    path: '/faults',
    about: 'All faults in their order, and what has become of each.',
    status: 200,
    gives: z.array(faultReport),
  },
  addFault: {
    method: 'post',
    path: '/faults',
    about: 'Adds a fault, after the others.',
    body: fault,
    example: EXAMPLE_FAULT,
    status: 201,
    gives: faultReport,
    refusals: { 409: 'There is a fault of that name, or no room for another.' },
  },
  replaceFaults: {
    method: 'put',
    path: '/faults',
    about: 'Has these faults, as new ones, and no others.',
    body: faults,
    example: [EXAMPLE_FAULT, { name: 'lost', probability: 0.1, effect: 'drop_response' }],
    status: 200,
    gives: z.array(faultReport),
  },
  removeFaults: { method: 'delete', path: '/faults', about: 'Removes all faults.', status: 204 },
  fault: {
    method: 'get',
    path: '/faults/{name}',
    about: 'One fault, and what has become of it.',
    params: named,
    status: 200,
    gives: faultReport,
    refusals: NO_FAULT,
  },
  changeFault: {
    method: 'patch',
    path: '/faults/{name}',
    about: 'Changes a fault, which keeps its age and its counts. `null` takes a bound away.',
    params: named,
    body: faultChange,
    example: { enabled: false, times: null },
    status: 200,
    gives: faultReport,
    refusals: NO_FAULT,
  },
  removeFault: {
    method: 'delete',
    path: '/faults/{name}',
    about: 'Removes a fault.',
    params: named,
    status: 204,
    refusals: NO_FAULT,
  },
  restartFault: {
    method: 'post',
    path: '/faults/{name}/restart',
    about: 'Begins the counts, the window and the time to live of one fault again, and the others go on.',
    params: named,
    status: 200,
    gives: faultReport,
    refusals: NO_FAULT,
  },
  scenarios: {
    method: 'get',
    path: '/scenarios',
    about: 'All scenarios: built in, given at the start, and defined since.',
    status: 200,
    gives: z.array(scenario),
  },
  scenario: {
    method: 'get',
    path: '/scenarios/{name}',
    about: 'One scenario.',
    params: named,
    status: 200,
    gives: scenario,
    refusals: NO_SCENARIO,
  },
  defineScenario: {
    method: 'put',
    path: '/scenarios/{name}',
    about: 'Keeps a scenario under a name, in place of one that was there. It is not applied by that.',
    params: named,
    body: scenarioDefinition,
    example: { description: 'A busy hour.', config: { intervalMs: 10_000 }, faults: [EXAMPLE_FAULT] },
    status: 200,
    gives: scenario,
    refusals: { 409: 'That name is a built-in one, or there is no room for another scenario.' },
  },
  applyScenario: {
    method: 'post',
    path: '/scenarios/{name}/apply',
    about: 'Has a scenario’s faults in place of all others, and its settings.',
    params: named,
    status: 200,
    gives: scenario,
    refusals: NO_SCENARIO,
  },
  requests: {
    method: 'get',
    path: '/requests',
    about: 'The journal: requests to the node’s API that fit, oldest first; of more than `limit` the newest.',
    query: journalFilter.extend({ limit: limit.default(1_000) }),
    status: 200,
    gives: z.array(journalEntry),
  },
  clearRequests: { method: 'delete', path: '/requests', about: 'Forgets all requests. Their ids go on.', status: 204 },
  countRequests: {
    method: 'get',
    path: '/requests/count',
    about: 'How many of the requests that are kept fit.',
    query: journalFilter,
    status: 200,
    gives: requestCount,
  },
  waitForRequests: {
    method: 'get',
    path: '/requests/wait',
    about: 'Waits until `count` requests fit, those that are there already among them.',
    query: journalFilter.extend({
      count: z.coerce.number().int().min(1).max(1_000_000).default(1),
      timeoutMs: z.coerce.number().int().min(0).max(60_000).default(10_000).describe('In real time.'),
    }),
    status: 200,
    gives: requestCount,
    refusals: { 408: 'Time is up. `count` says how many there were.', 503: 'Too many wait already.' },
  },
  unmatchedRequests: {
    method: 'get',
    path: '/requests/unmatched',
    about: 'Requests that no route of the node was for, oldest first.',
    status: 200,
    gives: z.array(journalEntry),
  },
  contracts: {
    method: 'get',
    path: '/contracts',
    about: 'Running contracts.',
    query: z.strictObject({
      farmer: z.string().min(1).max(128).optional().describe("A farmer's token, or its beginning."),
      order: z
        .enum(['accepted', 'due'])
        .default('accepted')
        .describe('`accepted`: by farmer, in order of acceptance. `due`: the earliest deadline first.'),
      limit: limit.default(1_000),
    }),
    status: 200,
    gives: z.array(contractView),
  },
  contract: {
    method: 'get',
    path: '/contracts/{hash}',
    about: 'One running contract.',
    params: byHash,
    status: 200,
    gives: contractView,
    refusals: NO_CONTRACT,
  },
  expireContract: {
    method: 'post',
    path: '/contracts/{hash}/expire',
    about: 'Ends a contract by the node’s own will.',
    params: byHash,
    status: 204,
    refusals: NO_CONTRACT,
  },
  challengeContract: {
    method: 'post',
    path: '/contracts/{hash}/challenge',
    about: 'Begins a contract’s next round now, unless its challenge waits for an answer anyway.',
    params: byHash,
    status: 200,
    gives: challengeOpened,
    refusals: NO_CONTRACT,
  },
  clock: { method: 'get', path: '/clock', about: 'The node’s clock.', status: 200, gives: clockView },
  setClock: {
    method: 'put',
    path: '/clock',
    about: 'Has the node’s time stand still, or pass.',
    body: clockChange,
    example: { mode: 'real', scale: 60 },
    status: 200,
    gives: clockView,
  },
  advanceClock: {
    method: 'post',
    path: '/clock/advance',
    about: 'Moves the node’s time on, frozen or not.',
    body: clockAdvance,
    example: { ms: 60_000 },
    status: 200,
    gives: clockView,
    refusals: TOO_FAR,
  },
  events: {
    method: 'get',
    path: '/events',
    about:
      'What happens, as it happens: server-sent events, each a JSON object as `data`. The first tells the clock as it is. A listener that is too far behind is cut off.',
    status: 200,
    gives: controllerEvent,
    contentType: 'text/event-stream',
    refusals: { 503: 'Too many listen already.' },
  },
  openapi: {
    method: 'get',
    path: '/openapi.json',
    about: 'This API in OpenAPI 3.1.',
    status: 200,
    gives: z.looseObject({ openapi: z.string() }),
  },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;

type Part<Name extends OperationName, Key extends 'params' | 'query' | 'body' | 'gives'> =
  (typeof OPERATIONS)[Name] extends Record<Key, infer Schema extends z.ZodType> ? Schema : z.ZodUndefined;

/** What an operation is asked with, once it was checked. */
export interface OperationInput<Name extends OperationName> {
  readonly params: z.output<Part<Name, 'params'>>;
  readonly query: z.output<Part<Name, 'query'>>;
  readonly body: z.output<Part<Name, 'body'>>;
}

/** The body of an operation, as it is sent. */
export type OperationBody<Name extends OperationName> = z.input<Part<Name, 'body'>>;

/** What an operation gives. */
export type OperationResult<Name extends OperationName> = z.output<Part<Name, 'gives'>>;
