import type { ContractView, ControllerEvent } from '@downstream/control-api';
import type { Logger } from '@downstream/platform';
import { truncateToken } from '../journal/redact.ts';
import type { ContractFacts } from '../ledger/ledger.ts';
import type { NodeController } from '../node-controller.ts';
import type { Handlers } from './admin-routes.ts';
import type { EventStreams } from './event-streams.ts';
import { createOpenApi } from './openapi.ts';
import { RequestProblem } from './problems.ts';

const MAX_WAITERS = 32;

export interface HandlerDeps {
  readonly controller: NodeController;
  readonly log: Pick<Logger, 'info'>;
  readonly streams: EventStreams;
  readonly apiPort: number;
  readonly isReady: () => boolean;
  /** Aborted when the node closes: ends waiting requests. */
  readonly closing: AbortSignal;
}

/** What the operations of the control API do: each change is a line of the log. */
export function createControlHandlers({ controller, log, streams, apiPort, isReady, closing }: HandlerDeps): Handlers {
  const { faults, journal, ledger } = controller;
  const now = () => controller.clock.now();
  /** Made when somebody asks for it: that takes longer than the rest of the start. */
  let document: ReturnType<typeof createOpenApi> | undefined;
  let waiters = 0;
  return {
    live: () => ({ status: 'ok' }),
    ready: () => {
      if (isReady() && !closing.aborted) return { status: 'ok' };
      throw new RequestProblem(503, 'the node is going down, or can not listen on its port');
    },
    info: () => ({ ...controller.info(), apiPort }),
    reset: ({ body }) => {
      controller.reset(body?.parts);
      log.info('reset', { parts: body?.parts ?? 'all' });
    },
    config: () => controller.config,
    configure: ({ body }) => {
      const config = controller.configure(body);
      log.info('settings changed', { ...body });
      return config;
    },

    faults: () => faults.list(now()),
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
    fault: ({ params }) => faults.get(params.name, now()),
    changeFault: ({ params, body }) => {
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

    scenarios: () => controller.scenarios,
    scenario: ({ params }) => controller.getScenario(params.name),
    defineScenario: ({ params: { name }, body }) => {
      if (body.name !== undefined && body.name !== name)
        throw new RequestProblem(400, 'the request is not what this takes', {
          errors: [{ pointer: '/name', message: `is not ${name}, as the path has it` }],
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

    requests: ({ query: { limit, ...filter } }) => journal.find(filter).slice(-limit),
    clearRequests: () => {
      journal.clear();
      log.info('requests forgotten');
    },
    countRequests: ({ query }) => ({ count: journal.find(query).length }),
    waitForRequests: async ({ query: { count: wanted, timeoutMs, ...filter } }, { gone }) => {
      if (waiters >= MAX_WAITERS) throw new RequestProblem(503, `${MAX_WAITERS} wait already`);
      waiters += 1;
      try {
        const end = AbortSignal.any([gone, closing, AbortSignal.timeout(timeoutMs)]);
        const count = await journal.wait(filter, wanted, end);
        if (count >= wanted) return { count };
        throw new RequestProblem(408, `${count} of ${wanted} came within ${timeoutMs} ms`, { count });
      } finally {
        waiters -= 1;
      }
    },
    unmatchedRequests: () => journal.unmatched(),

    contracts: ({ query: { farmer, order, limit } }) => {
      const found = ledger.all(now()).filter(({ token }) => farmer === undefined || token.startsWith(farmer));
      const inOrder = order === 'due' ? [...found].sort((a, b) => a.dueAt - b.dueAt) : found.take(limit);
      return [...inOrder].slice(0, limit).map(toContractView);
    },
    contract: ({ params: { hash } }) => toContractView(ledger.contract(hash, now()) ?? throwUnknownContract(hash)),
    expireContract: ({ params: { hash } }) => {
      if (!ledger.expire(hash, now())) throwUnknownContract(hash);
      log.info('contract expired', { contract: hash });
    },
    challengeContract: ({ params: { hash } }) => {
      const challenged = ledger.challengeNow(hash, now()) ?? throwUnknownContract(hash);
      log.info('contract challenged', { contract: hash, opened: challenged.opened });
      return challenged;
    },

    clock: () => controller.clockView(),
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

    events: (_asked, { response }) => {
      const first: ControllerEvent = { type: 'clock', clock: controller.clockView() };
      if (!closing.aborted && streams.add(response, first)) return;
      throw new RequestProblem(503, 'too many listen already', { headers: { 'Retry-After': '10' } });
    },
    openapi: () => {
      document ??= createOpenApi();
      return document;
    },
  };
}

function toContractView({ token, results, acceptedAt, dueAt, ...facts }: ContractFacts): ContractView {
  const instant = (ms: number) => new Date(ms).toISOString();
  return { ...facts, ...results, farmer: truncateToken(token), acceptedAt: instant(acceptedAt), dueAt: instant(dueAt) };
}

function throwUnknownContract(hash: string): never {
  throw new RequestProblem(404, `there is no contract ${hash} running`);
}
