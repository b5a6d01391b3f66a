import { ADMIN_PREFIX } from '@downstream/control-api';
import type { Logger } from '@downstream/platform';
import { createWebApp } from '@downstream/platform/web';
import type { Express, RequestHandler } from 'express';
import type { MockMetrics } from '../metrics.ts';
import type { NodeController } from '../node-controller.ts';
import { createAdminRoutes } from './admin-routes.ts';
import { EventStreams } from './event-streams.ts';
import { type Access, checkHost, rejectCrossOrigin, requireToken } from './guard.ts';
import { createControlHandlers } from './handlers.ts';
import { createErrorHandler, RequestProblem } from './problems.ts';

export interface ControlDeps {
  readonly controller: NodeController;
  readonly metrics: MockMetrics;
  readonly log: Logger;
  readonly apiPort: number;
  readonly isReady: () => boolean;
  /** Aborted when the node closes: ends event streams and waiting requests. */
  readonly closing: AbortSignal;
  /** The page at `/`. It loads its data from the control API. */
  readonly page?: RequestHandler;
}

/** The control API under `/__admin`, the metrics and the page. Faults do not affect its port. */
export function createControlApp(access: Access, deps: ControlDeps): Express {
  const { token } = access;
  const { controller, metrics, log, closing, page } = deps;
  const streams = new EventStreams(controller.events);
  closing.addEventListener('abort', () => streams.close());
  const app = createWebApp({
    scrape: async () => await metrics.scrape(),
    guards: [checkHost(access)],
    metricsGuards: [requireToken(token)],
  });
  // Makes responses readable for users of curl.
  app.set('json spaces', 2);
  app.use(ADMIN_PREFIX, rejectCrossOrigin);
  const handlers = createControlHandlers({ ...deps, streams });
  app.use(ADMIN_PREFIX, createAdminRoutes(handlers, { token, save: () => controller.save() }));
  if (page !== undefined) app.use(page);
  app.use(() => {
    throw new RequestProblem(404, `unknown path: see ${ADMIN_PREFIX}/openapi.json`);
  });
  app.use(createErrorHandler(log));
  return app;
}
