import {
  type ClockChange,
  type ClockView,
  type Config,
  type ConfigChange,
  type ControllerEvent,
  config as configSchema,
  type Info,
  RESETTABLE,
  type ResetPart,
  type Scenario,
  scenario as scenarioSchema,
} from '@downstream/control-api';
import { CodedError } from '@downstream/platform';
import type { ClockSnapshot, NodeClock } from './clock/node-clock.ts';
import type { FaultPlan } from './faults/fault-plan.ts';
import { PRESETS } from './faults/presets.ts';
import type { Journal } from './journal/journal.ts';
import type { ChallengeResult, Ledger } from './ledger/ledger.ts';

/** There is no scenario of that name, or no room for another. */
export class ScenarioError extends CodedError<'unknown' | 'built_in' | 'too_many'> {}

/** The clock can't be set like that. */
export class ClockError extends CodedError<'too_far'> {}

export interface NodeControllerOptions {
  readonly version: string;
  readonly seed: string;
  /** The settings to begin with, and to go back to. */
  readonly config: Config;
  /** Applied at the start, and again at a reset of the faults; in this order. */
  readonly scenarios: readonly Scenario[];
}

/** Where farmers, contracts and time are written down. */
export interface NodeControllerState {
  /** Whether something of the ledger is not written yet. */
  readonly isBehind: boolean;
  save(clock: ClockSnapshot): void;
}

export interface NodeControllerDeps {
  readonly clock: NodeClock;
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  readonly journal: Journal;
  readonly events: ControllerEvents;
  /** None: nothing outlives the process. */
  readonly state?: NodeControllerState | undefined;
}

const MAX_SCENARIOS = 100;
/** Later moments are written in another way, which nobody reads. */
const MAX_TIME = Date.UTC(9999, 11, 31);

/** Tells what happens in a node to whoever listens. */
export class ControllerEvents {
  readonly #listeners = new Set<(event: ControllerEvent) => void>();

  /** @returns what ends the listening */
  listen(listener: (event: ControllerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: ControllerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** Everything of a mock node that can be looked at and changed while it runs. */
export class NodeController {
  readonly clock: NodeClock;
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  readonly journal: Journal;
  readonly events: ControllerEvents;
  readonly #state: NodeControllerState | undefined;
  readonly #options: NodeControllerOptions;
  readonly #startedAt: number;
  readonly #scenarios = new Map<string, Scenario>();
  #config: Config;
  #applied: string | null = null;
  #challenges: Record<ChallengeResult, number> = { passed: 0, wrong: 0, unanswered: 0 };
  /** Where the node is reached; known once it listens. */
  apiPort = 0;

  constructor(options: NodeControllerOptions, { clock, ledger, faults, journal, events, state }: NodeControllerDeps) {
    this.#options = options;
    this.#config = options.config;
    this.clock = clock;
    this.ledger = ledger;
    this.faults = faults;
    this.journal = journal;
    this.events = events;
    this.#state = state;
    this.#startedAt = clock.now();
    for (const given of [...PRESETS.map((preset) => scenarioSchema.parse(preset)), ...options.scenarios])
      this.#scenarios.set(given.name, given);
    events.listen((event) => {
      if (event.type === 'challenge') this.#challenges[event.result] += event.count;
    });
    this.#begin();
  }

  /** The settings that can be changed, as they are now. */
  get config(): Config {
    return this.#config;
  }

  configure(change: ConfigChange): Config {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    this.#config = configSchema.parse({ ...this.#config, ...given });
    this.events.emit({ type: 'config' });
    return this.#config;
  }

  /** What is built in, was given at the start, or defined since. */
  get scenarios(): Scenario[] {
    return [...this.#scenarios.values()];
  }

  /** @throws ScenarioError `unknown` */
  scenario(name: string): Scenario {
    const found = this.#scenarios.get(name);
    if (found === undefined) throw new ScenarioError('unknown', `there is no scenario ${name}`);
    return found;
  }

  /** Keeps a scenario, to be applied by its name. @throws ScenarioError */
  define(scenario: Scenario): void {
    if (PRESETS.some(({ name }) => name === scenario.name))
      throw new ScenarioError('built_in', `${scenario.name} is built in: take another name`);
    if (this.#scenarios.size >= MAX_SCENARIOS && !this.#scenarios.has(scenario.name))
      throw new ScenarioError('too_many', `there are ${MAX_SCENARIOS} scenarios already`);
    this.#scenarios.set(scenario.name, scenario);
  }

  /** Has a scenario's faults in place of all others, and its settings. @throws ScenarioError `unknown` */
  apply(name: string): Scenario {
    const { config, faults } = this.scenario(name);
    this.configure(config);
    this.faults.replaceAll(faults, this.clock.now());
    this.#applied = name;
    this.events.emit({ type: 'scenario', name });
    return this.scenario(name);
  }

  /** Puts everything, or some of it, back to how it was at the start. */
  reset(parts: readonly ResetPart[] = RESETTABLE): void {
    if (parts.includes('contracts')) {
      this.ledger.reset();
      this.#challenges = { passed: 0, wrong: 0, unanswered: 0 };
    }
    // Time goes back only where nothing is left that is reckoned by it: no deadline, no fault's window.
    const isEmpty = parts.includes('contracts') && parts.includes('faults');
    if (parts.includes('clock')) this.clock.reset({ keepNow: !isEmpty });
    if (parts.includes('config')) this.#config = this.#options.config;
    if (parts.includes('faults')) {
      this.faults.removeAll();
      this.#begin();
    }
    if (parts.includes('requests')) this.journal.clear();
    this.#state?.save(this.clock.mark);
    this.events.emit({ type: 'reset', parts: [...parts] });
  }

  /** What the node is and how it is doing: a look at each contract. */
  info(): Info {
    const now = this.clock.now();
    const contracts = this.ledger.counts(now);
    return {
      version: this.#options.version,
      seed: this.#options.seed,
      startedAt: new Date(this.#startedAt).toISOString(),
      apiPort: this.apiPort,
      scenario: this.#applied,
      farmers: this.ledger.farmers,
      contracts,
      challenges: { ...this.#challenges },
      requests: this.journal.fill,
      clock: this.clockView(),
    };
  }

  /** Has time stand still or pass, from here on. */
  setClock(change: ClockChange): ClockView {
    this.clock.setRate(change);
    return this.#clockChanged();
  }

  /** Moves time on. What went unanswered by that is counted at once. @throws ClockError */
  advanceClock(ms: number): ClockView {
    if (this.clock.now() + ms > MAX_TIME) throw new ClockError('too_far', 'the clock ends with the year 9999');
    this.clock.advance(ms);
    this.ledger.settleMissedRounds(this.clock.now());
    return this.#clockChanged();
  }

  clockView(): ClockView {
    return { ...this.clock.pace, now: new Date(this.clock.now()).toISOString() };
  }

  /** Has what changed in the ledger written down: to be called before anybody is told of it. @throws StateError */
  save(): void {
    if (this.#state?.isBehind) this.#state.save(this.clock.mark);
  }

  #clockChanged(): ClockView {
    this.#state?.save(this.clock.mark);
    const clock = this.clockView();
    this.events.emit({ type: 'clock', clock });
    return clock;
  }

  #begin(): void {
    const now = this.clock.now();
    this.#applied = this.#options.scenarios.at(-1)?.name ?? null;
    for (const { config, faults } of this.#options.scenarios) {
      this.configure(config);
      for (const fault of faults) this.faults.add(fault, now);
    }
  }
}
