import {
  EFFECTS,
  type EffectGroup,
  type Fault,
  type FaultChange,
  type FaultReport,
  fault as faultSchema,
  getEffectRoutes,
  MAX_FAULTS,
} from '@downstream/control-api';
import { CodedError } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import { isSelected } from '../ledger/contract.ts';
import type { AppliedFault } from './effects/effect.ts';
import { RateLimiter } from './effects/rate-limit.ts';

export class FaultError extends CodedError<'exists' | 'unknown' | 'too_many' | 'invalid_change'> {}

export interface FaultRequest {
  readonly route: RouteName;
  readonly method: string;
  readonly token?: string | undefined;
  readonly contract?: string | undefined;
  /** Whether the request is about a contract that the selector means, although its path does not name it. */
  readonly includes: (selector: string) => boolean;
}

interface Entry {
  fault: Fault;
  readonly addedAt: number;
  matched: number;
  applied: number;
  readonly rateLimiter: RateLimiter;
}

export interface FaultPlanDeps {
  readonly chance: (fault: string, index: number, purpose: string) => number;
  readonly onChange: (change: 'added' | 'changed' | 'removed' | 'applied', name: string) => void;
}

const REPLACEMENT_GROUPS: ReadonlySet<EffectGroup> = new Set(['connection', 'http']);
/** The groups that decide what is sent. A request gets at most one of their effects. */
const SENDING_GROUPS: ReadonlySet<EffectGroup> = new Set([...REPLACEMENT_GROUPS, 'response']);

/**
 * The ordered list of faults. Whether a fault applies to the n-th request that it matches depends only on the seed, its
 * name and n. A request gets any number of delays and protocol violations, and the first applicable effect of the other
 * groups. If that one replaces the response, the request gets no protocol violations.
 */
export class FaultPlan {
  readonly #deps: FaultPlanDeps;
  #entries: Entry[] = [];

  constructor(deps: FaultPlanDeps) {
    this.#deps = deps;
  }

  /** The faults that apply to a request, in order. Counts them as applied. */
  apply(request: FaultRequest, now: number): AppliedFault[] {
    this.#removeExpired(now);
    const [sending] = this.#applicable((group) => SENDING_GROUPS.has(group), request, now);
    const isReplaced = sending !== undefined && REPLACEMENT_GROUPS.has(EFFECTS[sending.kind].group);
    const others = this.#applicable(
      (group) => group === 'delay' || (group === 'protocol' && !isReplaced),
      request,
      now,
    );
    return [...others, ...(sending === undefined ? [] : [sending])];
  }

  list(now: number): FaultReport[] {
    this.#removeExpired(now);
    return this.#entries.map((entry) => toReport(entry, now));
  }

  /** @throws FaultError `unknown` */
  get(name: string, now: number): FaultReport {
    this.#removeExpired(now);
    return toReport(this.#find(name), now);
  }

  /** @throws FaultError `exists`, `too_many` */
  add(fault: Fault, now: number): FaultReport {
    this.#removeExpired(now);
    if (this.#entries.some((entry) => entry.fault.name === fault.name))
      throw new FaultError(
        'exists',
        `fault ${fault.name} already exists: change it, remove it, or choose another name`,
      );
    if (this.#entries.length >= MAX_FAULTS)
      throw new FaultError('too_many', `the limit of ${MAX_FAULTS} faults is reached: remove some`);
    const entry = createEntry(fault, now);
    this.#entries.push(entry);
    this.#deps.onChange('added', fault.name);
    return toReport(entry, now);
  }

  replaceAll(faults: readonly Fault[], now: number): void {
    this.removeAll();
    for (const fault of faults) this.add(fault, now);
  }

  /**
   * Changes a fault, which keeps its age and its counts.
   *
   * @throws FaultError `unknown`; `invalid_change` if the result is not a valid fault
   */
  change(name: string, change: FaultChange, now: number): FaultReport {
    this.#removeExpired(now);
    const entry = this.#find(name);
    const defined = Object.entries(change).filter(([, value]) => value !== undefined);
    // `null` removes a limit.
    const fields = Object.entries({ ...entry.fault, ...Object.fromEntries(defined) }).filter(
      ([, value]) => value !== null,
    );
    const { data, error } = faultSchema.safeParse(Object.fromEntries(fields));
    if (error)
      throw new FaultError(
        'invalid_change',
        `invalid change of fault ${name}: ${error.issues[0]?.message}`,
        {},
        { cause: error },
      );
    entry.fault = data;
    this.#deps.onChange('changed', name);
    return toReport(entry, now);
  }

  /** Restarts a fault's counts, random sequence, window and time to live. @throws FaultError `unknown` */
  restart(name: string, now: number): FaultReport {
    this.#removeExpired(now);
    const entry = this.#find(name);
    const fresh = createEntry(entry.fault, now);
    this.#entries = this.#entries.map((each) => (each === entry ? fresh : each));
    this.#deps.onChange('changed', name);
    return toReport(fresh, now);
  }

  /** @throws FaultError `unknown` */
  remove(name: string): void {
    const entry = this.#find(name);
    this.#entries = this.#entries.filter((each) => each !== entry);
    this.#deps.onChange('removed', name);
  }

  removeAll(): void {
    for (const { fault } of this.#entries) this.remove(fault.name);
  }

  *#applicable(
    isWanted: (group: EffectGroup) => boolean,
    request: FaultRequest,
    now: number,
  ): Generator<AppliedFault, void> {
    for (const entry of this.#entries) {
      if (!isWanted(EFFECTS[entry.fault.effect.kind].group)) continue;
      const applied = this.#applyEntry(entry, request, now);
      if (applied !== undefined) yield applied;
    }
  }

  /** Counts the request if it matches. @returns the fault if it applies */
  #applyEntry(entry: Entry, request: FaultRequest, now: number): AppliedFault | undefined {
    const { name, effect, match, skip, probability } = entry.fault;
    if (getState(entry, now) !== 'active' || !matches(entry.fault, request)) return undefined;
    const index = entry.matched++;
    const chance = (purpose: string) => this.#deps.chance(name, index, purpose);
    if (index < skip || chance('apply') >= probability) return undefined;
    const rejection = effect.kind === 'rate_limit' ? entry.rateLimiter.reject(effect, now) : {};
    if (rejection === undefined) return undefined;
    entry.applied += 1;
    this.#deps.onChange('applied', name);
    return { name, kind: effect.kind, effect, contract: match.contract, index, chance, ...rejection };
  }

  #find(name: string): Entry {
    const entry = this.#entries.find(({ fault }) => fault.name === name);
    if (entry === undefined) throw new FaultError('unknown', `unknown fault: ${name}`);
    return entry;
  }

  #removeExpired(now: number): void {
    const expired = this.#entries.filter(
      ({ fault, addedAt }) => fault.ttlMs !== undefined && now - addedAt >= fault.ttlMs,
    );
    for (const { fault } of expired) this.remove(fault.name);
  }
}

function createEntry(fault: Fault, now: number): Entry {
  return { fault, addedAt: now, matched: 0, applied: 0, rateLimiter: new RateLimiter(now) };
}

function matches({ match, effect }: Fault, request: FaultRequest): boolean {
  const { route = '*', method, token, contract } = match;
  if (getEffectRoutes(effect.kind)?.includes(request.route) === false) return false;
  if (route !== '*' && ![route].flat().includes(request.route)) return false;
  if (method !== undefined && method !== request.method) return false;
  if (token !== undefined && request.token?.startsWith(token) !== true) return false;
  if (contract === undefined) return true;
  return request.contract === undefined ? request.includes(contract) : isSelected(request.contract, contract);
}

function getState({ fault, addedAt, applied }: Entry, now: number): FaultReport['state'] {
  if (!fault.enabled) return 'disabled';
  if (fault.times !== undefined && applied >= fault.times) return 'finished';
  if (fault.window === undefined) return 'active';
  const { afterMs, durationMs = Number.POSITIVE_INFINITY } = fault.window;
  const age = now - addedAt;
  if (age < afterMs) return 'pending';
  return age < afterMs + durationMs ? 'active' : 'finished';
}

function toReport(entry: Entry, now: number): FaultReport {
  const { fault, addedAt, matched, applied } = entry;
  return { ...fault, addedAt: new Date(addedAt).toISOString(), matched, applied, state: getState(entry, now) };
}
