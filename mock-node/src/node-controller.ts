import {
  type ClockChange,
  type ClockView,
  type Config,
  type ConfigChange,
  type ControllerEvent,
  type Info,
  RESETTABLE,
  type ResetPart,
  type Scenario,
  scenario as scenarioSchema,
} from '@downstream/control-api';
import { type Build, CodedError } from '@downstream/platform';
import type { ClockSnapshot, NodeClock } from './clock/node-clock.ts';
import type { FaultPlan } from './faults/fault-plan.ts';
import { PRESETS } from './faults/presets.ts';
import type { Journal } from './journal/journal.ts';
import type { ChallengeResult } from './ledger/contract.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { SeededRandom } from './ledger/seeded-random.ts';
import type { RuntimeConfig } from './runtime-config.ts';

export class ScenarioError extends CodedError<'unknown' | 'built_in' | 'too_many'> {}

export class ClockError extends CodedError<'too_far'> {}

export interface NodeControllerOptions {
  readonly build: Build;
  /** Applied in this order at the start and when the faults are reset. */
  readonly scenarios: readonly Scenario[];
}

export interface NodeControllerState {
  /** Whether the ledger has changes that are not stored yet. */
  readonly hasPendingChanges: boolean;
  save(clock: ClockSnapshot): void;
  /** Whether changes can be stored. */
  probe(clock: ClockSnapshot): boolean;
}

export interface NodeControllerDeps {
  readonly random: SeededRandom;
  /** Returns the seed to use after the contracts were reset. */
  readonly createSeed: () => string;
  readonly clock: NodeClock;
  readonly config: RuntimeConfig;
  readonly ledger: Ledger;
  /** Forgets the heartbeat of the v1 API and the chunks that were prepared with it. */
  readonly resetHeartbeat: () => void;
  readonly faults: FaultPlan;
  readonly journal: Journal;
  readonly events: ControllerEvents;
  /** Undefined if the node keeps its state in memory only. */
  readonly state?: NodeControllerState | undefined;
}

const MAX_SCENARIOS = 100;
/** ISO 8601 writes later years with a sign and six digits, which most parsers reject. */
const MAX_TIME = Date.UTC(9999, 11, 31);

export class ControllerEvents {
  readonly #listeners = new Set<(event: ControllerEvent) => void>();

  /** @returns a function that ends the subscription */
  subscribe(listener: (event: ControllerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: ControllerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** Inspects and changes a running mock node. The control API exposes its methods over HTTP. */
export class NodeController {
  readonly clock: NodeClock;
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  readonly journal: Journal;
  readonly events: ControllerEvents;
  readonly #random: SeededRandom;
  readonly #createSeed: () => string;
  readonly #config: RuntimeConfig;
  readonly #resetHeartbeat: () => void;
  readonly #state: NodeControllerState | undefined;
  readonly #options: NodeControllerOptions;
  readonly #startedAt: number;
  readonly #scenarios = new Map<string, Scenario>();
  #appliedScenario: string | null = null;
  #challenges: Record<ChallengeResult, number> = { passed: 0, wrong: 0, unanswered: 0 };

  constructor(options: NodeControllerOptions, deps: NodeControllerDeps) {
    const { random, createSeed, clock, config, ledger, resetHeartbeat, faults, journal, events, state } = deps;
    this.#options = options;
    this.#random = random;
    this.#createSeed = createSeed;
    this.clock = clock;
    this.ledger = ledger;
    this.#resetHeartbeat = resetHeartbeat;
    this.faults = faults;
    this.journal = journal;
    this.events = events;
    this.#config = config;
    this.#state = state;
    this.#startedAt = clock.now();
    for (const scenario of [...PRESETS.map((preset) => scenarioSchema.parse(preset)), ...options.scenarios])
      this.#scenarios.set(scenario.name, scenario);
    events.subscribe((event) => {
      if (event.type === 'challenge') this.#challenges[event.result] += event.count;
    });
    this.#applyStartScenarios();
  }

  /** The seed since the start or the last reset of the contracts. */
  get seed(): string {
    return this.#random.seed;
  }

  get config(): Config {
    return this.#config.current;
  }

  configure(change: ConfigChange): Config {
    this.#config.update(change);
    this.events.emit({ type: 'config' });
    return this.config;
  }

  /** The presets and all other scenarios that were loaded at the start or defined later. */
  get scenarios(): Scenario[] {
    return [...this.#scenarios.values()];
  }

  /** @throws ScenarioError `unknown` */
  getScenario(name: string): Scenario {
    const found = this.#scenarios.get(name);
    if (found === undefined) throw new ScenarioError('unknown', `unknown scenario: ${name}`);
    return found;
  }

  /** Stores a scenario without applying it. @throws ScenarioError */
  defineScenario(scenario: Scenario): void {
    if (PRESETS.some(({ name }) => name === scenario.name))
      throw new ScenarioError('built_in', `${scenario.name} is a preset and cannot be redefined: choose another name`);
    if (this.#scenarios.size >= MAX_SCENARIOS && !this.#scenarios.has(scenario.name))
      throw new ScenarioError('too_many', `the limit of ${MAX_SCENARIOS} scenarios is reached`);
    this.#scenarios.set(scenario.name, scenario);
  }

  /** Replaces all faults with those of a scenario and applies its settings. @throws ScenarioError `unknown` */
  applyScenario(name: string): Scenario {
    const scenario = this.getScenario(name);
    this.configure(scenario.config);
    this.faults.replaceAll(scenario.faults, this.clock.now());
    this.#appliedScenario = name;
    this.events.emit({ type: 'scenario', name });
    return scenario;
  }

  /** Restores the initial state, or only the given parts. */
  reset(parts: readonly ResetPart[] = RESETTABLE): void {
    if (parts.includes('contracts')) {
      this.#random.reseed(this.#createSeed());
      this.ledger.reset();
      this.#resetHeartbeat();
      this.#challenges = { passed: 0, wrong: 0, unanswered: 0 };
    }
    // Deadlines and fault windows need a clock that does not go back.
    const isEmpty = parts.includes('contracts') && parts.includes('faults');
    if (parts.includes('clock')) this.clock.reset({ keepNow: !isEmpty });
    if (parts.includes('config')) this.#config.reset();
    if (parts.includes('faults')) {
      this.faults.removeAll();
      this.#applyStartScenarios();
    }
    if (parts.includes('requests')) this.journal.clear();
    this.#state?.save(this.clock.snapshot());
    this.events.emit({ type: 'reset', parts: [...parts] });
  }

  /** The node's overall state. Visits each contract. */
  getInfo(): Omit<Info, 'apiPort'> {
    const now = this.clock.now();
    const contracts = this.ledger.countContracts(now);
    return {
      ...this.#options.build,
      seed: this.seed,
      startedAt: new Date(this.#startedAt).toISOString(),
      scenario: this.#appliedScenario,
      farmers: this.ledger.farmers,
      contracts,
      challenges: { ...this.#challenges },
      requests: this.journal.counts,
      clock: this.getClockView(),
    };
  }

  /** Freezes the clock, or lets it run at a scale. */
  setClock(change: ClockChange): ClockView {
    this.clock.setRate(change);
    return this.#publishClock();
  }

  /** Moves the clock forward and counts the challenges that became due meanwhile. @throws ClockError */
  advanceClock(ms: number): ClockView {
    if (this.clock.now() + ms > MAX_TIME)
      throw new ClockError('too_far', 'the clock cannot advance beyond the year 9999');
    this.clock.advance(ms);
    this.ledger.settleMissedRounds(this.clock.now());
    return this.#publishClock();
  }

  getClockView(): ClockView {
    return { ...this.clock.rate, now: new Date(this.clock.now()).toISOString() };
  }

  /** Stores pending changes of the ledger. Call it before the client gets its response. @throws StateError */
  save(): void {
    if (this.#state?.hasPendingChanges) this.#state.save(this.clock.snapshot());
  }

  /** Whether changes can be stored. True if the state is kept in memory only. */
  isStateWritable(): boolean {
    return this.#state?.probe(this.clock.snapshot()) ?? true;
  }

  #publishClock(): ClockView {
    this.#state?.save(this.clock.snapshot());
    const clock = this.getClockView();
    this.events.emit({ type: 'clock', clock });
    return clock;
  }

  #applyStartScenarios(): void {
    const now = this.clock.now();
    this.#appliedScenario = this.#options.scenarios.at(-1)?.name ?? null;
    for (const { config, faults } of this.#options.scenarios) {
      this.configure(config);
      for (const fault of faults) this.faults.add(fault, now);
    }
  }
}
