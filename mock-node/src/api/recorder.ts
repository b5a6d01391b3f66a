import { randomBytes } from 'node:crypto';
import type { Logger } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import type { Request, RequestHandler, Response } from 'express';
import type { RequestRecord } from '../journal/journal.ts';
import { abbreviate, redactSecrets, truncateToken } from '../journal/redact.ts';

const MAX_BODY_CHARS = 2_048;
const MAX_PATH_CHARS = 512;

/** What the API knows about a request that matches a route. */
interface RequestDescription {
  readonly route: RouteName;
  /** The path with `:name` in place of the parameters; `*name` for one of several segments. */
  readonly pattern: string;
  readonly params: Readonly<Record<string, string>>;
  readonly faults: readonly string[];
  readonly requestBody: string;
}

interface Trace {
  readonly id: string;
  description?: RequestDescription;
  /** The name of an endpoint outside the API, such as `metrics`. Its requests are not in the journal. */
  internalEndpoint?: string;
  responseBody?: string;
}

export interface RequestRecorderDeps {
  readonly now: () => number;
  readonly log: Pick<Logger, 'debug'>;
  readonly journal: (record: RequestRecord) => void;
  readonly metrics: { request(route: string, code: number | undefined, seconds: number): void };
}

/** Records requests and their results, without secrets, in the journal, the metrics and the log. */
export class RequestRecorder {
  readonly #deps: RequestRecorderDeps;
  readonly #traces = new WeakMap<Response, Trace>();

  constructor(deps: RequestRecorderDeps) {
    this.#deps = deps;
  }

  /** Gives each request its id, and records it when its connection or response is closed. */
  readonly middleware: RequestHandler = (request, response, next) => {
    const trace: Trace = { id: getRequestId(request) };
    this.#traces.set(response, trace);
    const start = performance.now();
    const bytesBefore = request.socket.bytesWritten;
    response.set('X-Request-Id', trace.id);
    response.once('close', () => {
      const durationMs = performance.now() - start;
      const status = response.headersSent ? response.statusCode : undefined;
      this.#record(trace, request, { status, durationMs, responseBytes: request.socket.bytesWritten - bytesBefore });
    });
    next();
  };

  toLogFields(request: Request, response: Response): { request: string; method: string; route: string } {
    const trace = this.#traces.get(response);
    return { request: trace?.id ?? '', method: request.method, route: getRouteLabel(trace) };
  }

  describe(response: Response, description: RequestDescription): void {
    this.#update(response, { description });
  }

  markInternal(response: Response, internalEndpoint: string): void {
    this.#update(response, { internalEndpoint });
  }

  recordResponseBody(response: Response, body: Buffer): void {
    const responseBody = redactSecrets(body.subarray(0, 2 * MAX_BODY_CHARS).toString(), MAX_BODY_CHARS);
    this.#update(response, { responseBody });
  }

  #update(response: Response, changes: Partial<Trace>): void {
    const trace = this.#traces.get(response);
    if (trace !== undefined) Object.assign(trace, changes);
  }

  #record(
    trace: Trace,
    { method, path }: Request,
    { status, durationMs, responseBytes }: { status: number | undefined; durationMs: number; responseBytes: number },
  ): void {
    const { now, log, journal, metrics } = this.#deps;
    const { id, description, internalEndpoint, responseBody } = trace;
    const route = getRouteLabel(trace);
    const faults = description?.faults ?? [];
    metrics.request(route, status, durationMs / 1000);
    log.debug('request served', {
      request: id,
      method,
      route,
      code: status ?? null,
      seconds: Number((durationMs / 1000).toFixed(4)),
      ...(faults.length > 0 && { faults }),
    });
    if (internalEndpoint !== undefined) return;
    const { token, hash } = description?.params ?? {};
    const requestBody = redactSecrets(description?.requestBody ?? '', MAX_BODY_CHARS);
    journal({
      at: new Date(now()).toISOString(),
      requestId: id,
      method,
      route: description?.route ?? null,
      path: description === undefined ? redactSecrets(path, MAX_PATH_CHARS) : formatPath(description),
      ...(token !== undefined && { farmer: truncateToken(token) }),
      ...(hash !== undefined && { contract: hash.slice(0, 64) }),
      status: status ?? null,
      durationMs: Math.round(durationMs * 10) / 10,
      faults: [...faults],
      ...(requestBody !== '' && { requestBody }),
      ...(responseBody !== undefined && { responseBody }),
      responseBytes,
    });
  }
}

/** A label of bounded cardinality: all unknown paths share one. */
function getRouteLabel(trace: Trace | undefined): string {
  return trace?.description?.route ?? trace?.internalEndpoint ?? 'unknown';
}

/** The client's id of the request if it is valid, otherwise a new one. The logs of both sides contain it. */
function getRequestId(request: Request): string {
  const id = request.get('X-Request-Id') ?? '';
  return /^[\w-]{1,64}$/.test(id) ? id : randomBytes(6).toString('hex');
}

function formatPath({ pattern, params }: RequestDescription): string {
  const path = pattern.replace(/[:*](\w+)/g, (_, name: string) => {
    const value = params[name] ?? '';
    if (name === 'token' || name === 'response') return abbreviate(value);
    return value.split('/').map(encodeURIComponent).join('/');
  });
  return path.slice(0, MAX_PATH_CHARS);
}
