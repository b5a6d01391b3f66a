import type { Clock } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import type { Request, Response } from 'express';
import { damage, getDelayMs, isInGroup, replace, violate } from '../faults/effects/registry.ts';
import type { FaultPlan } from '../faults/fault-plan.ts';
import { type Connection, send } from './connection.ts';
import type { Handlers, NodeServices } from './handler.ts';
import type { RequestRecorder } from './recorder.ts';

/** One request is about many contracts of the farmer. */
const BATCH_ROUTES: readonly RouteName[] = ['due', 'v1_challenge', 'v1_answer'];

/** The default abort reason is an error, whose stack costs more than the rest of a small request. */
const DISCONNECTED = 'client disconnected';

export interface RequestPipelineDeps {
  readonly handlers: Handlers;
  readonly node: NodeServices;
  readonly faults: Pick<FaultPlan, 'apply'>;
  readonly recorder: RequestRecorder;
  readonly refuse: Connection['refuse'];
  readonly sleep: Clock['sleep'];
  readonly save: () => void;
}

/**
 * Serves one request: chooses its faults, calls the handler unless a fault replaces the response, stores the changes,
 * waits for the delays, and sends the response. Changes are stored before any delay. While earlier changes cannot be
 * stored, no request makes further ones.
 */
export class RequestPipeline {
  readonly #deps: RequestPipelineDeps;

  constructor(deps: RequestPipelineDeps) {
    this.#deps = deps;
  }

  async serve(route: RouteName, request: Request, response: Response): Promise<void> {
    const { handlers, node, recorder, save } = this.#deps;
    const now = node.now();
    const params = selectStrings(request.params);
    const body = typeof request.body === 'string' ? request.body : '';
    const faults = this.#chooseFaults(route, { method: request.method, params, now });
    const names = faults.map(({ name }) => name);
    const pattern = String(request.route.path);
    recorder.describe(response, { route, pattern, params, faults: names, requestBody: body });

    const replacement = faults.find((fault) => isInGroup(fault, 'connection', 'http'));
    const damaging = faults.find((fault) => isInGroup(fault, 'response'));
    const violations = faults.filter((fault) => isInGroup(fault, 'protocol'));
    const delays = faults.filter((fault) => isInGroup(fault, 'delay'));
    const connection = this.#createConnection(request, response);

    const handle = violations.reduceRight((inner, fault) => violate(inner, fault), handlers[route]);
    save();
    const origin = `${request.protocol}://${request.get('host')}`;
    const call = { method: request.method, params, origin, client: getClient(request), body, now, node };
    const result = replacement === undefined ? await handle(call) : undefined;
    save();
    const delayMs = delays.reduce((sum, delay) => sum + getDelayMs(delay), 0);
    try {
      if (delayMs > 0) await connection.sleep(delayMs);
      response.set('Date', new Date(node.now()).toUTCString());
      const processed = result && damaging ? await damage(result, damaging, connection) : result;
      const outgoing = replacement === undefined ? processed : await replace(replacement, connection);
      if (outgoing !== undefined) await send(outgoing, connection);
    } catch (error) {
      if (!connection.signal.aborted) throw error;
    }
  }

  #chooseFaults(
    route: RouteName,
    { method, params: { token, hash }, now }: { method: string; params: Record<string, string>; now: number },
  ) {
    const { faults, node } = this.#deps;
    const includes = (selector: string) =>
      BATCH_ROUTES.includes(route) && token !== undefined && node.ledger.findFirst(token, selector, now) !== undefined;
    return faults.apply({ route, method, token, contract: hash, includes }, now);
  }

  #createConnection(request: Request, response: Response): Connection {
    const { node, recorder, refuse, sleep } = this.#deps;
    const disconnected = new AbortController();
    response.once('close', () => disconnected.abort(DISCONNECTED));
    return {
      response,
      socket: request.socket,
      signal: disconnected.signal,
      sleep: async (ms) => await sleep(ms, disconnected.signal),
      refuse,
      seed: node.random.seed,
      timeScale: node.timeScale(),
      onBody: (body) => recorder.recordResponseBody(response, body),
    };
  }
}

/** The path parameters. One of several segments becomes a text with slashes. */
function selectStrings(params: Request['params']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([name, value]) => [name, Array.isArray(value) ? value.join('/') : value]),
  );
}

/** The IP address of the client; IPv4 without the prefix that a socket for both versions adds. */
function getClient({ socket }: Request): string {
  return (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
}
