import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { type Clock, systemClock, withTimeout } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import { Axios, type AxiosRequestConfig, type AxiosResponse } from 'axios';
import { BUILD } from '../build.ts';
import { NodeError, type NodeErrorCode } from '../farming/errors.ts';
import type { CallOptions } from '../farming/ports.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import type { ClockSkew } from './clock-skew.ts';
import { type Connection, ConnectionPool, type NetworkOptions } from './connection-pool.ts';
import { readBody } from './read-body.ts';
import { isStaleConnection, toNodeError } from './request-error.ts';
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
  /** JSON. */
  readonly body?: string | undefined;
  /** A longer response is an error; 64 KiB by default. */
  readonly maxBytes?: number;
  /** Need not read the whole body. @throws NodeError when the response is not the expected one */
  readonly read: (response: NodeResponse) => T | Promise<T>;
}

export interface NodeResponse {
  readonly status: number;
  /** The text in short pieces. Throws a NodeError if it is too long or incomplete. */
  readonly body: AsyncIterable<string>;
}

/** A reused connection failed. */
export interface StaleConnection {
  readonly route: RouteName;
  readonly outcome: NodeErrorCode;
  /** How many idle connections were closed for that reason. */
  readonly discarded: number;
}

export interface NodeHttpDeps {
  readonly network?: NetworkOptions;
  readonly onStaleConnection?: (event: StaleConnection) => void;
  readonly observe?: (outcome: RequestOutcome) => void;
  readonly breaker?: CircuitBreaker;
  readonly skew?: ClockSkew;
  readonly clock?: Pick<Clock, 'now' | 'toWallTime'>;
}

/** Sends a request with the options of this attempt. */
type Send<T> = (attempt: AxiosRequestConfig) => Promise<T>;

interface Target {
  readonly url: string;
  readonly signal: AbortSignal | undefined;
}

const MAX_RESPONSE_BYTES = 64 * 1024;
const REQUEST_ID_LENGTH = 12;
const JSON_BODY = { 'Content-Type': 'application/json' };

/**
 * HTTP client of one node (axios). Responses are bounded in size and time; redirects are not followed. Errors contain
 * neither URL nor headers. Each attempt has an id, which is sent as `X-Request-Id` and included in its error.
 */
export class NodeHttp {
  readonly #http: Axios;
  readonly #baseUrl: string;
  readonly #connections: ConnectionPool;
  readonly #deps: NodeHttpDeps;
  readonly #clock: Pick<Clock, 'now' | 'toWallTime'>;
  #isClosed = false;

  /** @param baseUrl URL of the node without a trailing slash */
  constructor(baseUrl: string, deps: NodeHttpDeps = {}) {
    this.#baseUrl = baseUrl;
    this.#connections = new ConnectionPool(deps.network);
    this.#deps = deps;
    this.#clock = deps.clock ?? systemClock;
    // Without the defaults of axios: merging them takes longer than the rest of its work.
    this.#http = new Axios({ headers: { 'User-Agent': `downstream/${BUILD.version}` } });
  }

  /** @throws NodeError; the signal's reason when aborted */
  async request<T>(request: NodeRequest<T>): Promise<T> {
    const { route, method = 'GET', path, body, maxBytes = MAX_RESPONSE_BYTES, timeoutMs, signal, read } = request;
    const boundMs = Math.max(1, Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, TIMEOUTS_MS[route]));
    return await this.#sendThroughBreaker(route, { url: this.#baseUrl, signal }, async (attempt) => {
      const sentAt = this.#clock.now();
      return await withTimeout({ timeoutMs: boundMs, signal }, async (bounded) => {
        const response: AxiosResponse<Readable> = await this.#http.request({
          ...attempt,
          method,
          url: this.#baseUrl + path,
          ...(body !== undefined && { data: Buffer.from(body), headers: { ...attempt.headers, ...JSON_BODY } }),
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
    const isNode = new URL(url).origin === new URL(this.#baseUrl).origin;
    const send = isNode ? this.#sendThroughBreaker.bind(this) : this.#send.bind(this);
    return await send('download', { url, signal }, async (attempt) => {
      const response: AxiosResponse<Readable> = await withTimeout(
        { timeoutMs, signal },
        async (bounded) => await this.#http.request({ ...attempt, url, signal: bounded }),
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

  /** Closes all connections. Requests in flight fail. */
  close(): void {
    this.#isClosed = true;
    this.#connections.close();
  }

  async #sendThroughBreaker<T>(route: RouteName, target: Target, send: Send<T>): Promise<T> {
    const { breaker } = this.#deps;
    const run = async () => await this.#send(route, target, send);
    return breaker === undefined ? await run() : await breaker.run(route, run);
  }

  /** If a reused connection fails, sends the request once more: it says nothing about the node. */
  async #send<T>(route: RouteName, target: Target, send: Send<T>): Promise<T> {
    const connection = this.#connections.connect(target.url);
    try {
      return await this.#attempt(route, { ...target, connection }, send);
    } catch (error) {
      if (this.#isClosed || !(error instanceof NodeError) || !isStaleConnection(error, connection)) throw error;
      this.#deps.onStaleConnection?.({ route, outcome: error.code, discarded: connection.discardIdle() });
    }
    return await this.#attempt(route, { ...target, connection: this.#connections.connect(target.url) }, send);
  }

  async #attempt<T>(
    route: RouteName,
    { signal, connection }: Target & { readonly connection: Connection },
    send: Send<T>,
  ): Promise<T> {
    const request = randomUUID().slice(-REQUEST_ID_LENGTH);
    const start = performance.now();
    const observe = (outcome: RequestOutcome['outcome']) =>
      this.#deps.observe?.({ route, outcome, seconds: (performance.now() - start) / 1000, request });
    try {
      const result = await send({ adapter: connection.adapter, headers: { 'X-Request-Id': request } });
      observe('ok');
      return result;
    } catch (error) {
      signal?.throwIfAborted();
      const { code, message, details, retryAfterMs } = toNodeError(error, route);
      if (code !== 'circuit_open') observe(code);
      const { proxy } = connection;
      const through = proxy === undefined ? '' : ` (through the proxy ${proxy})`;
      throw new NodeError(code, route, message + through, { ...details, retryAfterMs, request });
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
