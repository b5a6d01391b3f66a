import { getErrorMessage, type Logger, type Scrape } from '@downstream/platform';
import { createHostGuard, createWebApp, getClientErrorStatus } from '@downstream/platform/web';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import { ContractIdError, toStatus } from '../control/find-contract.ts';
import type { Status } from '../status/status.ts';

export interface HttpAppOptions {
  /** Host names under which clients may reach this server. */
  readonly allowedHosts: readonly string[];
}

export interface HttpAppDeps {
  readonly scrape: () => Promise<Scrape>;
  readonly status: () => Status;
  /** Whether the scheduler ticks; independent of the node. */
  readonly isAlive: () => boolean;
  /** What the farmer is still waiting for; empty when it is ready. */
  readonly missing: () => string[];
  /** @returns the contract with its last challenges; undefined while the farmer starts */
  readonly contract: (id: string) => object | ContractIdError | undefined;
  /** Serves the status page. */
  readonly page: RequestHandler;
  readonly log: Pick<Logger, 'error'>;
}

const MAX_LOGGED_CHARS = 200;

/** Serves the status page, `/metrics`, `/healthz`, `/readyz`, `/status` and `/status/contracts/<id>`. */
export function createHttpApp(
  { allowedHosts }: HttpAppOptions,
  { scrape, status, isAlive, missing, contract, page, log }: HttpAppDeps,
): Express {
  const guard = createHostGuard({
    allowed: allowedHosts,
    setting: 'FARMER_ALLOWED_HOSTS',
    publicPaths: ['/healthz'],
  });
  const app = createWebApp({ scrape, guards: [guard] });
  app.get('/healthz', (_request, response) => {
    const alive = isAlive();
    response.status(alive ? 200 : 503).json({ status: alive ? 'ok' : 'stalled' });
  });
  app.get('/readyz', (_request, response) => {
    const waitingFor = missing();
    if (waitingFor.length === 0) response.json({ status: 'ready' });
    else response.status(503).json({ status: 'not ready', missing: waitingFor });
  });
  app.get('/status', (_request, response) => {
    response.json(status());
  });
  app.get('/status/contracts/:id', ({ params }, response) => {
    const found = contract(params.id);
    if (found === undefined) response.status(503).json({ status: 'error', message: 'the farmer is starting' });
    else if (!(found instanceof ContractIdError)) response.json(found);
    else response.status(toStatus(found)).json({ status: 'error', message: found.message });
  });
  app.use(page);
  app.use((_request, response) => {
    response.status(404).json({ status: 'error', message: 'not found: try /, /metrics, /healthz, /readyz or /status' });
  });
  const handleError: ErrorRequestHandler = (error: unknown, { method, path }, response, _next) => {
    const status = getClientErrorStatus(error);
    if (status === undefined) log.error('request failed', { method, path: path.slice(0, MAX_LOGGED_CHARS), error });
    const message = status === undefined ? 'internal error' : getErrorMessage(error);
    response.status(status ?? 500).json({ status: 'error', message });
  };
  app.use(handleError);
  return app;
}
