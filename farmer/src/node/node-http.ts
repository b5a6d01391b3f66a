import { randomBytes } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { type Clock, getErrorCode, systemClock, TimeoutError, withTimeout } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import axios, { type AxiosInstance, type AxiosResponse, isAxiosError } from 'axios';
import { NodeError, type NodeErrorCode } from '../farming/errors.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { ClockSkew } from './clock-skew.ts';
import { retryAfterMs } from './retry-after.ts';
import { TIMEOUTS_MS } from './timeouts.ts';

/** How a request ended. */
export interface RequestOutcome {
  readonly route: RouteName;
  readonly outcome: 'ok' | Exclude<NodeErrorCode, 'circuit_open'>;
  readonly seconds: number;
  /** What both sides' logs call the request. */
  readonly request: string;
}

/** Told how each request ended. */
type RequestObserver = (end: RequestOutcome) => void;

export interface NodeRequest<T> {
  readonly route: RouteName;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** JSON to send. */
  readonly body?: unknown;
  /** A longer reply is refused. */
  readonly maxBytes: number;
  /** Less than the route's own bound, where the caller has less time. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** From the reply to what the caller wants; throws a `NodeError` where it can't. */
  readonly read: (reply: Reply) => T;
}

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/** What watches over the requests; nothing, if not given. */
export interface NodeHttpDeps {
  readonly observe?: RequestObserver;
  readonly breaker?: CircuitBreaker;
  readonly skew?: ClockSkew;
  readonly clock?: Pick<Clock, 'now' | 'toWallTime'>;
}

/**
 * So many connections to a node are open at most: more than all answers and downloads that may be under way at once, hanging ones
 * included (farming/node-farming.ts), so that a listing never waits for them.
 */
const MAX_CONNECTIONS = 48;

/**
 * HTTP to one node (axios): every reply bounded in bytes and time, no redirects followed, connections kept alive,
 * and errors that hold neither URL nor headers. Each request has an id, sent as `X-Request-Id` and told with its error.
 */
export class NodeHttp {
  readonly #http: AxiosInstance;
  readonly #origin: string;
  readonly #deps: NodeHttpDeps;
  readonly #clock: Pick<Clock, 'now' | 'toWallTime'>;
  readonly #agents = [
    new HttpAgent({ keepAlive: true, maxSockets: MAX_CONNECTIONS }),
    new HttpsAgent({ keepAlive: true, maxSockets: MAX_CONNECTIONS }),
  ] as const;

  /** @param baseUrl where the node is, without a trailing slash */
  constructor(baseUrl: string, parts: NodeHttpDeps = {}) {
    this.#origin = new URL(baseUrl).origin;
    this.#deps = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#http = axios.create({
      baseURL: baseUrl,
      httpAgent: this.#agents[0],
      httpsAgent: this.#agents[1],
      maxRedirects: 0,
      responseType: 'text',
      transformResponse: (data: unknown) => data,
      validateStatus: () => true,
    });
  }

  /** @throws NodeError; the signal's reason when it was aborted */
  async request<T>({ route, method, path, body, maxBytes, timeoutMs, signal, read }: NodeRequest<T>): Promise<T> {
    const bound = Math.max(1, Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, TIMEOUTS_MS[route]));
    return await this.#guarded(route, signal, async (headers) => {
      const sentAt = this.#wallNow();
      const response = await withTimeout(
        { timeoutMs: bound, signal },
        async (bounded) =>
          await this.#http.request<unknown>({
            method,
            headers,
            url: path,
            data: body,
            maxContentLength: maxBytes,
            signal: bounded,
          }),
      );
      this.#deps.skew?.note(response.headers['date'], sentAt, this.#wallNow());
      try {
        return read({ status: response.status, text: String(response.data) });
      } catch (error) {
        throw this.#withRetryAfter(error, response.headers['retry-after']);
      }
    });
  }

  /**
   * The body behind a URL, as a stream: the caller bounds it.
   *
   * @throws NodeError
   */
  async download(
    url: string,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<Readable> {
    // What another server does says nothing about the node.
    const run = new URL(url).origin === this.#origin ? this.#guarded.bind(this) : this.#timed.bind(this);
    return await run('download', signal, async (headers) => {
      const response: AxiosResponse<Readable> = await withTimeout(
        { timeoutMs, signal },
        async (bounded) =>
          await this.#http.request({ url, baseURL: '', headers, responseType: 'stream', signal: bounded }),
      );
      if (response.status !== 200) {
        response.data.destroy();
        const error = new NodeError('http_error', 'download', `a download was answered with HTTP ${response.status}`, {
          status: response.status,
        });
        throw this.#withRetryAfter(error, response.headers['retry-after']);
      }
      return response.data;
    });
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  /** As {@link #timed}, unless the circuit is open. */
  async #guarded<T>(
    route: RouteName,
    signal: AbortSignal | undefined,
    work: (headers: Record<string, string>) => Promise<T>,
  ): Promise<T> {
    const { breaker } = this.#deps;
    const timed = async () => await this.#timed(route, signal, work);
    return breaker === undefined ? await timed() : await breaker.run(route, timed);
  }

  #wallNow(): number {
    return this.#clock.toWallTime(this.#clock.now());
  }

  #withRetryAfter(error: unknown, header: unknown): unknown {
    const waitMs = retryAfterMs(header, this.#wallNow());
    if (!(error instanceof NodeError) || waitMs === undefined) return error;
    const { code, message, details } = error;
    const { route: _, ...facts } = details;
    return new NodeError(code, error.route, message, { ...facts, retryAfterMs: waitMs });
  }

  async #timed<T>(
    route: RouteName,
    signal: AbortSignal | undefined,
    work: (headers: Record<string, string>) => Promise<T>,
  ): Promise<T> {
    const request = randomBytes(6).toString('hex');
    const start = performance.now();
    const observe = (outcome: RequestOutcome['outcome']) =>
      this.#deps.observe?.({ route, outcome, seconds: (performance.now() - start) / 1000, request });
    try {
      const result = await work({ 'X-Request-Id': request });
      observe('ok');
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      const { code, message, details, retryAfterMs: waitMs } = toNodeError(error, route);
      if (code !== 'circuit_open') observe(code);
      throw new NodeError(code, route, message, { ...details, retryAfterMs: waitMs, request });
    }
  }
}

/** What of an HTTP client's error may be told: its code. The rest holds the URL, and the URL the token. */
function toNodeError(error: unknown, route: RouteName): NodeError {
  if (error instanceof NodeError) return error;
  if (error instanceof TimeoutError) return new NodeError('timeout', route, 'the node did not answer in time');
  const cause = getErrorCode(error) ?? 'unknown';
  if (isAxiosError(error) && (error.response !== undefined || cause === 'ERR_BAD_RESPONSE')) {
    return new NodeError('bad_reply', route, "the node's reply is too long, or broke off", { cause });
  }
  if (cause.startsWith('HPE_')) return new NodeError('bad_reply', route, "the node's reply is not HTTP", { cause });
  return new NodeError('unreachable', route, 'no connection to the node, or it broke', { cause });
}
