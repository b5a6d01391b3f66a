import { setTimeout as pause } from 'node:timers/promises';
import { decidesTheWire, EFFECTS } from '@downstream/control-api';
import { ROUTES } from '@downstream/protocol';
import type { Request, Response } from 'express';
import type { FaultPlan } from '../faults/fault-plan.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { delayMs } from './delays.ts';
import type { RequestRecorder } from './recorder.ts';
import { RequestFaults, type Route } from './reply.ts';
import { deliver, deliverInstead, type Line } from './wire.ts';

/** Why nothing more is done for a request: its reply has gone out, or its connection has. */
const GONE = 'gone';

export interface RequestPipelineDeps {
  readonly ledger: Ledger;
  readonly faults: Pick<FaultPlan, 'apply'>;
  readonly recorder: RequestRecorder;
  readonly now: () => number;
  readonly timeScale: () => number;
  readonly seed: string;
  readonly refuse: Line['refuse'];
  /** Has what changed written down. */
  readonly save: () => void;
}

/**
 * One request to the node: the faults that it gets are chosen, what was asked is done, unless a fault keeps it from
 * that, then come the delays, then the reply, or what a fault makes of it. What the node did is done, and
 * written down, before any delay.
 */
export class RequestPipeline {
  readonly #deps: RequestPipelineDeps;

  constructor(parts: RequestPipelineDeps) {
    this.#deps = parts;
  }

  async serve(route: Route, request: Request, response: Response): Promise<void> {
    const { ledger, recorder, now: clock } = this.#deps;
    const now = clock();
    const { method, body: given } = request;
    const params = textsOf(request.params);
    const { token, hash } = params;
    const body = typeof given === 'string' ? given : '';
    const { name } = route;
    const lists = (beginning: string) =>
      name === 'due' && token !== undefined && ledger.findFirst(token, beginning, now) !== undefined;
    const applied = this.#deps.faults.apply({ route: name, method, token, contract: hash, lists }, now);
    const faults = new RequestFaults(applied);
    recorder.about(response, {
      route: name,
      pattern: ROUTES[route.name].path,
      params,
      faults: faults.names,
      requestBody: body,
    });

    const gone = new AbortController();
    // A reason of our own: the usual one is an error with a stack, which costs more than the rest of a small request.
    response.once('close', () => gone.abort(GONE));
    const { seed, refuse, timeScale } = this.#deps;
    const note = (sent: Buffer) => recorder.replied(response, sent);
    const { signal } = gone;
    const line: Line = { response, socket: request.socket, signal, seed, timeScale: timeScale(), refuse, note };
    const wire = faults.find(({ kind }) => decidesTheWire(kind));
    const instead = wire !== undefined && !EFFECTS[wire.effect.kind].handled ? wire : undefined;

    this.#forgetWhatFaultsSay(faults, params, now);
    const origin = `${request.protocol}://${request.get('host')}`;
    const reply = instead ? undefined : await route.handle({ method, params, origin, body, now, faults });
    this.#deps.save();
    try {
      const wait = delayMs(applied);
      if (wait > 0) await pause(wait, undefined, { signal });
      const skewMs = faults.all('clock_skew').reduce((sum, { effect }) => sum + effect.ms, 0);
      response.set('Date', new Date(clock() + skewMs).toUTCString());
      if (reply !== undefined) await deliver(reply, wire, line);
      else if (instead !== undefined) await deliverInstead(instead, line);
    } catch (error) {
      // Who has gone away hears nothing any more.
      if (!signal.aborted) throw error;
    }
  }

  /** What the node forgets before it looks at the request. */
  #forgetWhatFaultsSay(faults: RequestFaults, { token, hash }: Readonly<Record<string, string>>, now: number): void {
    const { ledger } = this.#deps;
    if (faults.one('forget_all')) ledger.forget();
    if (faults.one('revoke_token') && token !== undefined) ledger.revoke(token);
    for (const { contract = '' } of faults.all('expire_contract')) {
      const doomed = hash ?? (token === undefined ? undefined : ledger.findFirst(token, contract, now));
      if (doomed !== undefined) ledger.expire(doomed, now);
    }
  }
}

/** Of a path's parameters those that are one text: the node has no others. */
function textsOf(params: Request['params']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
