import { ADMIN_PREFIX } from '@downstream/control-api';
import { getErrorMessage, type Logger } from '@downstream/platform';
import { getClientErrorStatus } from '@downstream/platform/web';
import { ROUTE_NAMES, ROUTES, type RouteDefinition, type RouteName, V1_PREFIX } from '@downstream/protocol';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import { type Access, checkHost, requireToken } from '../control/guard.ts';
import type { MockMetrics } from '../metrics.ts';
import { StateError } from '../state/state-error.ts';
import { type HtmlError, METHOD_NOT_ALLOWED, NOT_FOUND } from './html-errors.ts';
import { readTextBody } from './read-body.ts';
import type { RequestRecorder } from './recorder.ts';
import type { RequestPipeline } from './request-pipeline.ts';

export interface ApiDeps {
  readonly pipeline: RequestPipeline;
  readonly recorder: RequestRecorder;
  readonly metrics: MockMetrics;
  readonly log: Logger;
  readonly isHealthy: () => boolean;
}

const MAX_BODY_BYTES = 16 * 1024;
/** A request of the v1 API is about many contracts: this is enough for four thousand Merkle proofs. */
const MAX_V1_BODY_BYTES = 4 * 1024 * 1024;

/** The routes whose GET changes the node's state, as the original APIs require. HEAD must not. */
const CHANGING_ROUTES: readonly RouteName[] = [
  'new',
  'chunk',
  'challenge',
  'remove',
  'v1_new',
  'v1_chunk',
  'v1_challenge',
];

/**
 * The node's API for farmers, under any host name like that of a public node; and `/healthz` and `/metrics`, which
 * faults do not affect.
 */
export function createApiApp(access: Access, { pipeline, recorder, metrics, log, isHealthy }: ApiDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(recorder.middleware);
  app.use(rejectWebPages);
  app.get('/healthz', (_request, response) => {
    recorder.markInternal(response, 'healthz');
    if (isHealthy()) response.json({ status: 'ok' });
    else response.status(503).json({ status: 'error', message: 'The state cannot be stored.' });
  });
  // The image's health check looks for the control API on every port.
  app.use(`${ADMIN_PREFIX}/health`, (_request, response, next) => {
    recorder.markInternal(response, 'healthz');
    next();
  });
  app.use('/metrics', (_request, response, next) => {
    recorder.markInternal(response, 'metrics');
    next();
  });
  app.get('/metrics', checkHost(access), requireToken(access.token), async (_request, response) => {
    const { contentType, text } = await metrics.scrape();
    response.type(contentType).send(text);
  });
  for (const route of ROUTE_NAMES) {
    const { path, alternatives = [], methods }: RouteDefinition = ROUTES[route];
    const paths = [path, ...alternatives];
    const isV1 = path.startsWith(V1_PREFIX);
    const readBody = readTextBody(isV1 ? MAX_V1_BODY_BYTES : MAX_BODY_BYTES);
    if (CHANGING_ROUTES.includes(route)) app.head(paths, rejectMethod(methods));
    for (const method of methods) {
      const body = method === 'post' ? readBody : [];
      const serve: RequestHandler = async (request, response) => await pipeline.serve(route, request, response);
      // The journal shows the path that matched.
      for (const each of paths) app[method](each, ...body, serve);
    }
    if (isV1 || !methods.includes('get')) app.all(paths, rejectMethod(methods, isV1 ? METHOD_NOT_ALLOWED : undefined));
  }
  app.use(V1_PREFIX, (_request, response) => sendHtml(response, NOT_FOUND));
  app.use((_request, response) => {
    response.status(404).json({ status: 'error', message: 'No such route.' });
  });
  const handleError: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    if (response.headersSent) {
      // Usually the client aborted a download. Express would print a stack.
      response.destroy();
      return;
    }
    if (error instanceof StateError) {
      // Logged when it began.
      response.status(503).json({ status: 'error', message: 'The state cannot be stored.' });
      return;
    }
    const status = getClientErrorStatus(error);
    if (status === undefined) log.error('request failed', { ...recorder.toLogFields(request, response), error });
    response
      .status(status ?? 500)
      .json({ status: 'error', message: status === undefined ? 'internal error' : getErrorMessage(error) });
  };
  app.use(handleError);
  return app;
}

function rejectMethod(methods: RouteDefinition['methods'], page?: HtmlError): RequestHandler {
  const allowed = methods.join(', ').toUpperCase();
  return (_request, response) => {
    response.set('Allow', allowed);
    if (page === undefined) response.status(405).json({ msg: 'method not allowed' });
    else sendHtml(response, page);
  };
}

function sendHtml(response: Response, { status, headers, body }: HtmlError): void {
  response.status(status).set(headers).end(body);
}

/**
 * Rejects what a browser sends for a web page: any page could otherwise register farmers here. This port serves no
 * pages, and programs do not send these headers. `none` means that a person opened the address. Over plain HTTP to
 * other addresses than loopback, browsers send neither header with a simple GET request.
 */
const rejectWebPages: RequestHandler = (request: Request, response, next) => {
  const site = request.get('Sec-Fetch-Site') ?? 'none';
  if (request.get('Origin') === undefined && site === 'none') next();
  else response.status(403).json({ status: 'error', message: 'Requests from web pages are rejected.' });
};
