import { type CodedError, getErrorMessage, type Scrape } from '@downstream/platform';
import { createWebApp } from '@downstream/platform/web';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import type { Status } from '../status/status.ts';

export interface HttpAppDeps {
  readonly scrape: () => Promise<Scrape>;
  readonly status: () => Status;
  /** Whether the process works: its event loop turns and its scheduler ticks. Never depends on the node. */
  readonly isAlive: () => boolean;
  /** What is still missing before the farmer can farm; empty when it is ready. */
  readonly missing: () => string[];
  /** A contract, with the journal of its last challenges; undefined where no such contract is known. */
  readonly contract: (id: string) => object | undefined;
  /** The farmer's own page, at `/`. */
  readonly page: RequestHandler;
}

/** What the farmer serves: its page at `/`, `/metrics`, `/healthz`, `/readyz`, `/status`, `/status/contracts/<id>`. */
export function createHttpApp({ scrape, status, isAlive, missing, contract, page }: HttpAppDeps): Express {
  const app = createWebApp({ scrape });
  app.get('/healthz', (_request, response) => {
    const alive = isAlive();
    response.status(alive ? 200 : 503).json({ status: alive ? 'ok' : 'stalled' });
  });
  app.get('/readyz', (_request, response) => {
    const wanting = missing();
    response
      .status(wanting.length === 0 ? 200 : 503)
      .json(wanting.length === 0 ? { status: 'ready' } : { status: 'not ready', missing: wanting });
  });
  app.get('/status', (_request, response) => {
    response.json(status());
  });
  app.get('/status/contracts/:id', ({ params }, response) => {
    const found = contract(params.id);
    if (found === undefined) response.status(404).json({ status: 'error', message: 'no contract of that id is known' });
    else response.json(found);
  });
  app.use(page);
  app.use((_request, response) => {
    response
      .status(404)
      .json({ status: 'error', message: 'nothing here: try /, /metrics, /healthz, /readyz or /status' });
  });
  const failed: ErrorRequestHandler = (error: Error | CodedError, _request, response, _next) => {
    response.status(500).json({ status: 'error', message: getErrorMessage(error) });
  };
  app.use(failed);
  return app;
}
