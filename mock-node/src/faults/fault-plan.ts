import {
  decidesTheWire,
  EFFECTS,
  type Effect,
  type EffectKind,
  type Fault,
  type FaultChange,
  type FaultReport,
  fault as faultSchema,
  getEffectRoutes,
  MAX_FAULTS,
} from '@downstream/control-api';
import { CodedError } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';

/** A fault that can't be had, or is not there. */
export class FaultError extends CodedError<'exists' | 'unknown' | 'too_many' | 'bad_change'> {}

/** What of a request faults are chosen by. */
export interface FaultRequest {
  readonly route: RouteName;
  readonly method: string;
  readonly token?: string | undefined;
  /** The hash of the contract that the request names. */
  readonly contract?: string | undefined;
  /** Whether the request is for a listing that has a contract whose hash begins like that. */
  readonly lists: (beginning: string) => boolean;
}

/** A fault that is applied to a request. */
export interface AppliedFault<E extends Effect = Effect> {
  readonly name: string;
  readonly effect: E;
  /** Beginning of the hash of the contract that it is for, if it is for one. */
  readonly contract: string | undefined;
  /** How many requests it had fitted before this one. */
  readonly index: number;
  /** `rate_limit`: how long until requests are let through again. */
  readonly retryAfterMs?: number;
  /** A number from 0 to 1, always the same for this fault, this index and this `what`. */
  readonly chance: (what: string) => number;
}

interface Entry {
  fault: Fault;
  readonly addedAt: number;
  matched: number;
  applied: number;
  /** `rate_limit`: requests let through in the stretch of time that began at `since`. */
  limit: { since: number; used: number };
}

export interface FaultPlanDeps {
  readonly chance: (fault: string, index: number, what: string) => number;
  readonly onChange: (change: 'added' | 'changed' | 'removed' | 'applied', name: string) => void;
}

/**
 * The faults of a node, in their order, and which of them a request gets. Whether the n-th request that fits a fault
 * gets it is drawn from the seed, the fault's name and n alone: it does not matter what else happens. A request takes
 * any number of delays and of the protocol's effects, and one effect that decides what goes over the wire: the first
 * that applies. Where that one keeps the request from being handled, none of the protocol's effects applies.
 */
export class FaultPlan {
  readonly #deps: FaultPlanDeps;
  #entries: Entry[] = [];

  constructor(parts: FaultPlanDeps) {
    this.#deps = parts;
  }

  /** The faults to be applied to a request, in order; counted as such. */
  apply(call: FaultRequest, now: number): AppliedFault[] {
    this.#removeExpired(now);
    const wire = this.#firstOf((kind) => decidesTheWire(kind), call, now);
    const isHandled = wire === undefined || EFFECTS[wire.effect.kind].handled;
    const others = this.#allOf(
      (kind) => !decidesTheWire(kind) && (isHandled || EFFECTS[kind].group === 'delay'),
      call,
      now,
    );
    return wire === undefined ? others : [...others, wire];
  }

  list(now: number): FaultReport[] {
    this.#removeExpired(now);
    return this.#entries.map((entry) => reportOf(entry, now));
  }

  /** @throws FaultError `unknown` */
  get(name: string, now: number): FaultReport {
    this.#removeExpired(now);
    return reportOf(this.#entry(name), now);
  }

  /** @throws FaultError `exists`, `too_many` */
  add(fault: Fault, now: number): FaultReport {
    this.#removeExpired(now);
    if (this.#entries.some((entry) => entry.fault.name === fault.name))
      throw new FaultError(
        'exists',
        `there is a fault ${fault.name} already: change or remove it, or take another name`,
      );
    if (this.#entries.length >= MAX_FAULTS)
      throw new FaultError('too_many', `there are ${MAX_FAULTS} faults already: remove some`);
    const entry = { fault, addedAt: now, matched: 0, applied: 0, limit: { since: now, used: 0 } };
    this.#entries.push(entry);
    this.#deps.onChange('added', fault.name);
    return reportOf(entry, now);
  }

  /** Has these faults and no others from here on, as new ones. */
  replaceAll(faults: readonly Fault[], now: number): void {
    this.removeAll();
    for (const fault of faults) this.add(fault, now);
  }

  /**
   * Changes a fault, which keeps its age and its counts.
   *
   * @throws FaultError `unknown`, `bad_change` where what comes of it is no fault
   */
  change(name: string, change: FaultChange, now: number): FaultReport {
    this.#removeExpired(now);
    const entry = this.#entry(name);
    const changed = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    // `null` takes a bound away, as if it had never been given.
    const given = Object.entries({ ...entry.fault, ...changed }).filter(([, value]) => value !== null);
    const parsed = faultSchema.safeParse(Object.fromEntries(given));
    if (!parsed.success)
      throw new FaultError('bad_change', parsed.error.issues[0]?.message ?? 'no fault', {}, { cause: parsed.error });
    entry.fault = parsed.data;
    this.#deps.onChange('changed', name);
    return reportOf(entry, now);
  }

  /** Begins a fault's counts, and with them its draws, its window and its time to live, again. @throws FaultError `unknown` */
  restart(name: string, now: number): FaultReport {
    this.#removeExpired(now);
    const entry = this.#entry(name);
    const fresh = { fault: entry.fault, addedAt: now, matched: 0, applied: 0, limit: { since: now, used: 0 } };
    this.#entries = this.#entries.map((each) => (each === entry ? fresh : each));
    this.#deps.onChange('changed', name);
    return reportOf(fresh, now);
  }

  /** @throws FaultError `unknown` */
  remove(name: string): void {
    const entry = this.#entry(name);
    this.#entries = this.#entries.filter((each) => each !== entry);
    this.#deps.onChange('removed', name);
  }

  removeAll(): void {
    for (const { fault } of this.#entries) this.remove(fault.name);
  }

  #firstOf(isWanted: (kind: EffectKind) => boolean, call: FaultRequest, now: number): AppliedFault | undefined {
    for (const entry of this.#entries) {
      const applied = isWanted(entry.fault.effect.kind) ? this.#applied(entry, call, now) : undefined;
      if (applied !== undefined) return applied;
    }
    return undefined;
  }

  #allOf(isWanted: (kind: EffectKind) => boolean, call: FaultRequest, now: number): AppliedFault[] {
    return this.#entries.flatMap((entry) => {
      const applied = isWanted(entry.fault.effect.kind) ? this.#applied(entry, call, now) : undefined;
      return applied ?? [];
    });
  }

  /** Counts the request where it fits. @returns the fault where it is to be applied */
  #applied(entry: Entry, call: FaultRequest, now: number): AppliedFault | undefined {
    const { name, effect, match, skip, probability } = entry.fault;
    if (getState(entry, now) !== 'active' || !fits(entry.fault, call)) return undefined;
    const index = entry.matched++;
    const chance = (what: string) => this.#deps.chance(name, index, what);
    if (index < skip || chance('apply') >= probability) return undefined;
    const applied = { name, effect, contract: match.contract, index, chance };
    const limited = effect.kind === 'rate_limit' ? takeRateLimit(entry.limit, effect, now) : {};
    if (limited === undefined) return undefined;
    entry.applied += 1;
    this.#deps.onChange('applied', name);
    return { ...applied, ...limited };
  }

  #entry(name: string): Entry {
    const entry = this.#entries.find(({ fault }) => fault.name === name);
    if (entry === undefined) throw new FaultError('unknown', `there is no fault ${name}`);
    return entry;
  }

  #removeExpired(now: number): void {
    const dead = this.#entries.filter(
      ({ fault, addedAt }) => fault.ttlMs !== undefined && now - addedAt >= fault.ttlMs,
    );
    for (const { fault } of dead) this.remove(fault.name);
  }
}

function fits({ match, effect }: Fault, call: FaultRequest): boolean {
  const { route = '*', method, token, contract } = match;
  const routes = getEffectRoutes(effect.kind);
  if (routes !== undefined && !routes.includes(call.route)) return false;
  if (route !== '*' && ![route].flat().includes(call.route)) return false;
  if (method !== undefined && method !== call.method) return false;
  if (token !== undefined && call.token?.startsWith(token) !== true) return false;
  if (contract === undefined) return true;
  return call.contract === undefined ? call.lists(contract) : call.contract.startsWith(contract);
}

function getState({ fault, addedAt, applied }: Entry, now: number): FaultReport['state'] {
  if (!fault.enabled) return 'off';
  if (fault.times !== undefined && applied >= fault.times) return 'over';
  if (fault.window === undefined) return 'active';
  const { afterMs, durationMs = Number.POSITIVE_INFINITY } = fault.window;
  const age = now - addedAt;
  if (age < afterMs) return 'waiting';
  return age < afterMs + durationMs ? 'active' : 'over';
}

function reportOf(entry: Entry, now: number): FaultReport {
  const { fault, addedAt, matched, applied } = entry;
  return { ...fault, addedAt: new Date(addedAt).toISOString(), matched, applied, state: getState(entry, now) };
}

/** Takes one of the requests that may be made in this stretch of time. @returns what there is to say where none was left */
function takeRateLimit(
  limit: Entry['limit'],
  { requests, perMs }: { requests: number; perMs: number },
  now: number,
): { retryAfterMs: number } | undefined {
  if (now - limit.since >= perMs) {
    limit.since = now - ((now - limit.since) % perMs);
    limit.used = 0;
  }
  if (limit.used >= requests) return { retryAfterMs: limit.since + perMs - now };
  limit.used += 1;
  return undefined;
}
