import type { ContractView, ControllerEvent } from '@downstream/control-api';
import type { Logger } from '@downstream/platform';
import { truncateToken } from '../journal/redact.ts';
import type { ContractFacts } from '../ledger/contract.ts';
import type { NodeController } from '../node-controller.ts';
import { type ControlHandlers, INVALID_REQUEST } from './admin-routes.ts';
import type { EventStreams } from './event-streams.ts';
import { createOpenApi } from './openapi.ts';
import { RequestProblem } from './problems.ts';

const MAX_WAITING_CLIENTS = 32;

export interface HandlerDeps {
  readonly controller: NodeController;
  readonly log: Pick<Logger, 'info'>;
  readonly streams: EventStreams;
  readonly apiPort: number;
  readonly isReady: () => boolean;
  /** Aborted when the node closes: ends waiting requests. */
  readonly closing: AbortSignal;
}

/** The handlers of the control API. Each change is logged. */
export function createControlHandlers(deps: HandlerDeps): ControlHandlers {
  const { controller, log, streams, apiPort, isReady, closing } = deps;
  const { faults, journal, ledger } = controller;
  const now = () => controller.clock.now();
  /** Created on the first request, because it takes longer than the rest of the start. */
  let document: ReturnType<typeof createOpenApi> | undefined;
  let waitingClients = 0;
  return {
    getLiveness: () => ({ status: 'ok' }),
    getReadiness: () => {
      if (isReady() && !closing.aborted) return { status: 'ok' };
      throw new RequestProblem(
        503,
        'the node is stopping, its port could not be reopened, or its state cannot be stored',
      );
    },
    getInfo: () => ({ ...controller.getInfo(), apiPort }),
    reset: ({ body }) => {
      controller.reset(body?.parts);
      log.info('node reset', { parts: body?.parts ?? 'all' });
    },
    getConfig: () => controller.config,
    updateConfig: ({ body }) => {
      const config = controller.configure(body);
      log.info('settings changed', { ...body });
      return config;
    },

    listFaults: () => faults.list(now()),
    addFault: ({ body }) => {
      const report = faults.add(body, now());
      log.info('fault added', { fault: body.name, effect: body.effect.kind });
      return report;
    },
    replaceFaults: ({ body }) => {
      faults.replaceAll(body, now());
      log.info('faults replaced', { faults: body.map(({ name }) => name) });
      return faults.list(now());
    },
    removeFaults: () => {
      faults.removeAll();
      log.info('faults removed');
    },
    getFault: ({ params }) => faults.get(params.name, now()),
    updateFault: ({ params, body }) => {
      const report = faults.change(params.name, body, now());
      log.info('fault changed', { fault: params.name, fields: Object.keys(body) });
      return report;
    },
    restartFault: ({ params }) => {
      const report = faults.restart(params.name, now());
      log.info('fault restarted', { fault: params.name });
      return report;
    },
    removeFault: ({ params }) => {
      faults.remove(params.name);
      log.info('fault removed', { fault: params.name });
    },

    listScenarios: () => controller.scenarios,
    getScenario: ({ params }) => controller.getScenario(params.name),
    defineScenario: ({ params: { name }, body }) => {
      if (body.name !== undefined && body.name !== name)
        throw new RequestProblem(400, INVALID_REQUEST, {
          errors: [{ pointer: '/name', message: `must be ${name}, as in the path` }],
        });
      controller.defineScenario({ ...body, name });
      log.info('scenario defined', { scenario: name });
      return controller.getScenario(name);
    },
    applyScenario: ({ params }) => {
      const scenario = controller.applyScenario(params.name);
      log.info('scenario applied', { scenario: params.name, faults: scenario.faults.length });
      return scenario;
    },

    listRequests: ({ query: { limit, ...filter } }) => journal.find(filter).slice(-limit),
    clearRequests: () => {
      journal.clear();
      log.info('journal cleared');
    },
    countRequests: ({ query }) => ({ count: journal.find(query).length }),
    waitForRequests: async ({ query: { count: wanted, timeoutMs, ...filter } }, { disconnected }) => {
      if (waitingClients >= MAX_WAITING_CLIENTS)
        throw new RequestProblem(503, `the limit of ${MAX_WAITING_CLIENTS} waiting clients is reached`);
      waitingClients += 1;
      try {
        const end = AbortSignal.any([disconnected, closing, AbortSignal.timeout(timeoutMs)]);
        const count = await journal.wait(filter, wanted, end);
        if (count >= wanted) return { count };
        throw new RequestProblem(408, `${count} of ${wanted} requests matched within ${timeoutMs} ms`, { count });
      } finally {
        waitingClients -= 1;
      }
    },
    listUnmatchedRequests: () => journal.findUnmatched(),

    listContracts: ({ query: { farmer, order, skip, limit } }) => {
      const found = ledger.listContracts(now()).filter(({ token }) => farmer === undefined || token.startsWith(farmer));
      const ordered = order === 'due' ? [...found].sort((a, b) => a.dueAt - b.dueAt).values() : found;
      return [...ordered.drop(skip).take(limit)].map(toContractView);
    },
    getContract: ({ params: { hash } }) =>
      toContractView(ledger.findContract(hash, now()) ?? throwUnknownContract(hash)),
    expireContract: ({ params: { hash } }) => {
      if (!ledger.expire(hash, now())) throwUnknownContract(hash);
      log.info('contract expired', { contract: hash });
    },
    challengeContract: ({ params: { hash } }) => {
      const result = ledger.challengeNow(hash, now()) ?? throwUnknownContract(hash);
      log.info('contract challenged', { contract: hash, opened: result.opened });
      return result;
    },

    getClock: () => controller.getClockView(),
    setClock: ({ body }) => {
      const clock = controller.setClock(body);
      log.info('clock set', { ...clock });
      return clock;
    },
    advanceClock: ({ body }) => {
      const clock = controller.advanceClock(body.ms);
      log.info('clock advanced', { ms: body.ms, now: clock.now });
      return clock;
    },

    streamEvents: (_input, { response }) => {
      const first: ControllerEvent = { type: 'clock', clock: controller.getClockView() };
      if (!closing.aborted && streams.add(response, first)) return;
      throw new RequestProblem(503, 'too many clients listen to events', { headers: { 'Retry-After': '10' } });
    },
    getOpenApi: () => {
      document ??= createOpenApi();
      return document;
    },
  };
}

function toContractView({ token, proofKind, results, acceptedAt, dueAt, ...facts }: ContractFacts): ContractView {
  const instant = (ms: number) => new Date(ms).toISOString();
  return {
    ...facts,
    ...results,
    api: proofKind === 'heartbeat' ? 'v1' : 'prototype',
    farmer: truncateToken(token),
    acceptedAt: instant(acceptedAt),
    dueAt: instant(dueAt),
  };
}

function throwUnknownContract(hash: string): never {
  throw new RequestProblem(404, `no running contract has the hash ${hash}`);
}
