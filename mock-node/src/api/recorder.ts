import { randomBytes } from 'node:crypto';
import type { Logger } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import type { Request, RequestHandler, Response } from 'express';
import type { RequestRecord } from '../journal/journal.ts';
import { marked, redactSecrets, shorten } from '../journal/redact.ts';

/** So much of a body is kept, in characters. */
const MAX_BODY_CHARS = 2_048;
const MAX_PATH_CHARS = 512;

/** What a request turned out to be about. */
interface Subject {
  readonly route: RouteName;
  /** The path as express takes it, and what stood for its parameters. */
  readonly pattern: string;
  readonly params: Readonly<Record<string, string>>;
  readonly faults: readonly string[];
  readonly requestBody: string;
}

interface Trace {
  readonly id: string;
  subject?: Subject;
  /** What is served beside the API: it has a name, and no place in the journal. */
  aside?: string;
  responseBody?: string;
}

export interface RequestRecorderDeps {
  readonly now: () => number;
  readonly log: Pick<Logger, 'debug'>;
  readonly journal: (recorded: RequestRecord) => void;
  readonly metrics: { request(route: string, code: number | undefined, seconds: number): void };
}

/** Keeps what each request was and what came of it: for the journal, the metrics and the log. Nothing secret is kept. */
export class RequestRecorder {
  readonly #deps: RequestRecorderDeps;
  readonly #traces = new WeakMap<Response, Trace>();

  constructor(parts: RequestRecorderDeps) {
    this.#deps = parts;
  }

  /** Gives each request its id, and records it when its reply has gone or its connection has. */
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

  /** What the log calls a request, and what it is about. */
  toFacts(request: Request, response: Response): { request: string; method: string; route: string } {
    const trace = this.#traces.get(response);
    return { request: trace?.id ?? '', method: request.method, route: getRouteLabel(trace) };
  }

  /** What the request is about, as soon as that is known. */
  about(response: Response, subject: Subject): void {
    const trace = this.#traces.get(response);
    if (trace !== undefined) trace.subject = subject;
  }

  /** The request is for something beside the API. */
  aside(response: Response, name: string): void {
    const trace = this.#traces.get(response);
    if (trace !== undefined) trace.aside = name;
  }

  /** The beginning of what is replied. */
  replied(response: Response, body: Buffer): void {
    const trace = this.#traces.get(response);
    if (trace !== undefined)
      trace.responseBody = redactSecrets(body.subarray(0, 2 * MAX_BODY_CHARS).toString(), MAX_BODY_CHARS);
  }

  #record(
    trace: Trace,
    { method, path }: Request,
    { status, durationMs, responseBytes }: { status: number | undefined; durationMs: number; responseBytes: number },
  ): void {
    const { now, log, journal, metrics } = this.#deps;
    const { id, subject, aside, responseBody } = trace;
    const route = getRouteLabel(trace);
    const faults = subject?.faults ?? [];
    metrics.request(route, status, durationMs / 1000);
    log.debug('request served', {
      request: id,
      method,
      route,
      code: status ?? null,
      seconds: Number((durationMs / 1000).toFixed(4)),
      ...(faults.length > 0 && { faults }),
    });
    if (aside !== undefined) return;
    const { token, hash } = subject?.params ?? {};
    const requestBody = redactSecrets(subject?.requestBody ?? '', MAX_BODY_CHARS);
    journal({
      at: new Date(now()).toISOString(),
      requestId: id,
      method,
      route: subject?.route ?? null,
      path: subject === undefined ? redactSecrets(path, MAX_PATH_CHARS) : pathOf(subject),
      ...(token !== undefined && { farmer: shorten(token) }),
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

/** One name for all that is no route: paths would be label values without end. */
function getRouteLabel(trace: Trace | undefined): string {
  return trace?.subject?.route ?? trace?.aside ?? 'unknown';
}

/** The caller's id for the request where it is one, else a new one: both sides' logs call the request by it. */
function getRequestId(request: Request): string {
  const given = request.get('X-Request-Id') ?? '';
  return /^[\w-]{1,64}$/.test(given) ? given : randomBytes(6).toString('hex');
}

/** The path that was asked for, with what is secret in it shortened. */
function pathOf({ pattern, params }: Subject): string {
  const path = pattern.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name] ?? '';
    return name === 'token' || name === 'response' ? marked(value) : encodeURIComponent(value);
  });
  return path.slice(0, MAX_PATH_CHARS);
}
