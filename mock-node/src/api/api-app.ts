import { getErrorMessage, type Logger } from '@downstream/platform';
import { ROUTE_NAMES, ROUTES, type RouteDefinition } from '@downstream/protocol';
import express, { type ErrorRequestHandler, type Express } from 'express';
import type { MockMetrics } from '../metrics.ts';
import type { RequestRecorder } from './recorder.ts';
import type { RequestPipeline } from './request-pipeline.ts';

export interface ApiDeps {
  readonly pipeline: RequestPipeline;
  readonly recorder: RequestRecorder;
  readonly metrics: MockMetrics;
  readonly log: Logger;
}

const MAX_BODY_BYTES = 16 * 1024;

/** The node's API for farmers, and `/healthz` and `/metrics`, which faults do not affect. */
export function createApiApp({ pipeline, recorder, metrics, log }: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(recorder.middleware);
  app.get('/healthz', (_request, response) => {
    recorder.markInternal(response, 'healthz');
    response.json({ status: 'ok' });
  });
  app.get('/metrics', async (_request, response) => {
    recorder.markInternal(response, 'metrics');
    const { contentType, text } = await metrics.scrape();
    response.type(contentType).send(text);
  });
  for (const route of ROUTE_NAMES) {
    const { path, methods }: RouteDefinition = ROUTES[route];
    for (const method of methods) {
      const body = method === 'post' ? [express.text({ type: () => true, limit: MAX_BODY_BYTES })] : [];
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
  const handleError: ErrorRequestHandler = (error: Error & { status?: number }, request, response, _next) => {
    if (response.headersSent) {
      // Usually the client aborted a download. Express would print a stack.
      response.destroy();
      return;
    }
    const status = error.status ?? 500;
    if (status >= 500) log.error('request failed', { ...recorder.toLogFields(request, response), error });
    response
      .status(status)
      .json({ status: 'error', message: status < 500 ? getErrorMessage(error) : 'internal error' });
  };
  app.use(handleError);
  return app;
}
