import { randomBytes } from 'node:crypto';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { type Clock, getErrorCode, systemClock, TimeoutError, withTimeout } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import axios, { type AxiosInstance, type AxiosResponse } from 'axios';
import { NodeError, type NodeErrorCode } from '../farming/errors.ts';
import type { CallOptions } from '../farming/ports.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { ClockSkew } from './clock-skew.ts';
import { readBody } from './read-body.ts';
import { parseRetryAfter } from './retry-after.ts';
import { TIMEOUTS_MS } from './timeouts.ts';

/** A completed request. */
export interface RequestOutcome {
  readonly route: RouteName;
  readonly outcome: 'ok' | Exclude<NodeErrorCode, 'circuit_open'>;
  readonly seconds: number;
  /** The request's `X-Request-Id`, which both sides log. */
  readonly request: string;
}

export interface NodeRequest<T> extends CallOptions {
  readonly route: RouteName;
  /** `GET` by default. */
  readonly method?: 'POST' | 'DELETE';
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** A longer response is an error; 64 KiB by default. */
  readonly maxBytes?: number;
  /** Need not read the whole body. @throws NodeError when the response is not the expected one */
  readonly read: (response: NodeResponse) => T | Promise<T>;
}

export interface NodeResponse {
  readonly status: number;
  /** The text in pieces of at most a few hundred kilobytes. Throws a NodeError if it is too long or incomplete. */
  readonly body: AsyncIterable<string>;
}

export interface NodeHttpDeps {
  readonly observe?: (outcome: RequestOutcome) => void;
  readonly breaker?: CircuitBreaker;
  readonly skew?: ClockSkew;
  readonly clock?: Pick<Clock, 'now' | 'toWallTime'>;
}

const MAX_RESPONSE_BYTES = 64 * 1024;
/** More than the concurrency limits of answers and downloads together, so that a listing always gets a connection. */
const MAX_CONNECTIONS = 48;

/**
 * HTTP client of one node (axios). Responses are bounded in size and time; redirects are not followed. Errors contain
 * neither URL nor headers. Each request has an id, which is sent as `X-Request-Id` and included in its error.
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

  /** @param baseUrl URL of the node without a trailing slash */
  constructor(baseUrl: string, deps: NodeHttpDeps = {}) {
    this.#origin = new URL(baseUrl).origin;
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    this.#http = axios.create({
      baseURL: baseUrl,
      httpAgent: this.#agents[0],
      httpsAgent: this.#agents[1],
      maxRedirects: 0,
      responseType: 'stream',
      validateStatus: () => true,
    });
  }

  /** @throws NodeError; the signal's reason when aborted */
  async request<T>(request: NodeRequest<T>): Promise<T> {
    const { route, method = 'GET', path, body, maxBytes = MAX_RESPONSE_BYTES, timeoutMs, signal, read } = request;
    const boundMs = Math.max(1, Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, TIMEOUTS_MS[route]));
    return await this.#sendThroughBreaker(route, signal, async (headers) => {
      const sentAt = this.#clock.now();
      return await withTimeout({ timeoutMs: boundMs, signal }, async (bounded) => {
        const response: AxiosResponse<Readable> = await this.#http.request({
          method,
          headers,
          url: path,
          data: body,
          signal: bounded,
        });
        this.#deps.skew?.addSample(response.headers['date'], sentAt, this.#clock.now());
        try {
          return await read({ status: response.status, body: readBody(response.data, { route, maxBytes }) });
        } catch (error) {
          throw this.#addRetryAfter(error, response.headers);
        } finally {
          response.data.destroy();
        }
      });
    });
  }

  /**
   * Starts a download.
   *
   * @returns the body as a stream, whose length the caller must bound
   * @throws NodeError; the signal's reason when aborted
   */
  async download(
    url: string,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<Readable> {
    // Another server's failures must not open the node's circuit breaker.
    const send = new URL(url).origin === this.#origin ? this.#sendThroughBreaker.bind(this) : this.#send.bind(this);
    return await send('download', signal, async (headers) => {
      const response: AxiosResponse<Readable> = await withTimeout(
        { timeoutMs, signal },
        async (bounded) => await this.#http.request({ url, baseURL: '', headers, signal: bounded }),
      );
      const { status } = response;
      if (status !== 200) {
        response.data.destroy();
        const error = new NodeError('http_error', 'download', `the download failed with HTTP ${status}`, { status });
        throw this.#addRetryAfter(error, response.headers);
      }
      return response.data;
    });
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  async #sendThroughBreaker<T>(
    route: RouteName,
    signal: AbortSignal | undefined,
    send: (headers: Record<string, string>) => Promise<T>,
  ): Promise<T> {
    const { breaker } = this.#deps;
    const run = async () => await this.#send(route, signal, send);
    return breaker === undefined ? await run() : await breaker.run(route, run);
  }

  async #send<T>(
    route: RouteName,
    signal: AbortSignal | undefined,
    send: (headers: Record<string, string>) => Promise<T>,
  ): Promise<T> {
    const request = randomBytes(6).toString('hex');
    const start = performance.now();
    const observe = (outcome: RequestOutcome['outcome']) =>
      this.#deps.observe?.({ route, outcome, seconds: (performance.now() - start) / 1000, request });
    try {
      const result = await send({ 'X-Request-Id': request });
      observe('ok');
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      const { code, message, details, retryAfterMs } = toNodeError(error, route);
      if (code !== 'circuit_open') observe(code);
      throw new NodeError(code, route, message, { ...details, retryAfterMs, request });
    }
  }

  #addRetryAfter(error: unknown, headers: Readonly<Record<string, unknown>>): unknown {
    const now = this.#clock.toWallTime(this.#clock.now());
    const retryAfterMs = parseRetryAfter(headers['retry-after'], { date: headers['date'], now });
    if (!(error instanceof NodeError) || retryAfterMs === undefined) return error;
    const { code, message, details } = error;
    const { route: _, ...facts } = details;
    return new NodeError(code, error.route, message, { ...facts, retryAfterMs });
  }
}

/** Keeps only the error code of an HTTP client's error: the rest contains the URL, and the URL contains the token. */
function toNodeError(error: unknown, route: RouteName): NodeError {
  if (error instanceof NodeError) return error;
  if (error instanceof TimeoutError) return new NodeError('timeout', route, 'the node did not respond in time');
  const cause = getErrorCode(error) ?? 'unknown';
  if (cause.startsWith('HPE_')) {
    return new NodeError('invalid_response', route, "the node's response is not HTTP", { cause });
  }
  return new NodeError('unreachable', route, 'the connection to the node failed', { cause });
}
