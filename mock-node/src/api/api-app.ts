import { getErrorMessage, type Logger } from '@downstream/platform';
import { ROUTES, type RouteDefinition } from '@downstream/protocol';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { MockMetrics } from '../metrics.ts';
import type { RequestRecorder } from './recorder.ts';
import type { Route } from './reply.ts';
import type { RequestPipeline } from './request-pipeline.ts';

export interface ApiDeps {
  readonly routes: readonly Route[];
  readonly pipeline: RequestPipeline;
  readonly recorder: RequestRecorder;
  readonly metrics: MockMetrics;
  readonly log: Logger;
}

/** No request of the API needs more. */
const BODY_BYTES = 16 * 1024;

/** What farmers talk to: the node's API, and beside it `/healthz` and `/metrics`, which faults leave alone. */
export function createApiApp({ routes, pipeline, recorder, metrics, log }: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(recorder.middleware);
  app.get('/healthz', (_request, response) => {
    recorder.aside(response, 'healthz');
    response.json({ status: 'ok' });
  });
  app.get('/metrics', async (_request, response) => {
    recorder.aside(response, 'metrics');
    const { contentType, text } = await metrics.scrape();
    response.type(contentType).send(text);
  });
  for (const route of routes) {
    const { path, methods }: RouteDefinition = ROUTES[route.name];
    for (const method of methods) {
      const body = method === 'post' ? [express.text({ type: () => true, limit: BODY_BYTES })] : [];
      app[method](path, ...body, async (request, response) => await pipeline.serve(route, request, response));
    }
    if (!methods.includes('get')) {
      app.all(path, (_request, response) => {
        const allowed = methods.join(', ').toUpperCase();
        response.status(405).set('Allow', allowed).json({ msg: 'method not allowed' });
      });
    }
  }
  app.use((_request, response) => {
    response.status(404).json({ status: 'error', message: 'No such route.' });
  });
  const failed: ErrorRequestHandler = (error: Error & { status?: number }, request, response, _next) => {
    if (response.headersSent) {
      // A download that its farmer broke off, mostly: express would print a stack.
      response.destroy();
      return;
    }
    const status = error.status ?? 500;
    if (status >= 500) log.error('request failed', { ...recorder.toFacts(request, response), error });
    response
      .status(status)
      .json({ status: 'error', message: status < 500 ? getErrorMessage(error) : 'internal error' });
  };
  app.use(failed);
  return app;
}
