import type { Effect, EffectKind } from '@downstream/control-api';
import type { RouteName } from '@downstream/protocol';
import type { AppliedFault } from '../faults/fault-plan.ts';
import type { Body } from './bodies.ts';

/** What a route has to say, before it goes over the wire. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

/** A reply of JSON. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Reply {
  const type = { 'Content-Type': 'application/json; charset=utf-8' };
  return { status, headers: { ...type, ...headers }, body: Buffer.from(JSON.stringify(value)) };
}

/** A request, as a route sees it. */
export interface Call {
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
  /** Where the client reached the node: `http://host:port`. */
  readonly origin: string;
  /** The body's text. */
  readonly body: string;
  /** The node's time. */
  readonly now: number;
  readonly faults: RequestFaults;
}

/** One thing that can be asked of the node. */
export interface Route {
  readonly name: RouteName;
  readonly handle: (call: Call) => Reply | Promise<Reply>;
}

/** The faults that are applied to one request. */
export class RequestFaults {
  readonly #applied: readonly AppliedFault[];

  constructor(applied: readonly AppliedFault[]) {
    this.#applied = applied;
  }

  /** Their names, in order. */
  get names(): string[] {
    return this.#applied.map(({ name }) => name);
  }

  /** All of one kind. */
  all<Kind extends EffectKind>(kind: Kind): AppliedFault<Extract<Effect, { kind: Kind }>>[] {
    return this.#applied.filter(isOf(kind));
  }

  /** The first of one kind. */
  one<Kind extends EffectKind>(kind: Kind): AppliedFault<Extract<Effect, { kind: Kind }>> | undefined {
    return this.#applied.find(isOf(kind));
  }

  /** The first of which something holds. */
  find(holds: (effect: Effect) => boolean): AppliedFault | undefined {
    return this.#applied.find(({ effect }) => holds(effect));
  }

  /** Whether a kind is for a contract: a fault may be for one alone. */
  concern(kind: EffectKind, hash: string): boolean {
    return this.#applied.some(({ effect, contract = '' }) => effect.kind === kind && hash.startsWith(contract));
  }
}

function isOf<Kind extends EffectKind>(kind: Kind) {
  return (applied: AppliedFault): applied is AppliedFault<Extract<Effect, { kind: Kind }>> =>
    applied.effect.kind === kind;
}
