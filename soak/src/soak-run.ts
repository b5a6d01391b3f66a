import { setTimeout as pause } from 'node:timers/promises';
import { fault } from '@downstream/control-api';
import { type Disturbance, type Harm, isFromBreakingFault } from './failure-explainer.ts';
import { BREAKS_CONTRACTS, DAMAGES, type Damage, NODE_FAULTS, PLAN, TIMES } from './plan.ts';
import { between, type Entry, type FailedRound, type Round } from './rounds.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SoakFarm } from './soak-farm.ts';

/** What was done to a farm, and what the node's books say of it. */
export interface Observed {
  readonly disturbances: readonly Disturbance[];
  readonly harms: readonly (Harm & { damage: Damage; repaired: boolean })[];
  readonly rounds: readonly Round[];
  readonly failed: readonly FailedRound[];
}

type Done = () => Promise<void> | void;

/** A farm that is disturbed by one thing after the other, in an order and at times that the seed says. */
export class SoakRun {
  readonly #farm: SoakFarm;
  readonly #dice: SeededRandom;
  readonly #disturbances: { kind: string; from: number; until: number }[] = [];
  readonly #harms: (Harm & { damage: Damage; repaired: boolean })[] = [];
  readonly #rounds: Round[] = [];
  readonly #failed: FailedRound[] = [];
  #books = new Map<string, Entry>();
  #deck: string[] = [];
  #damages: Damage[] = [];

  constructor(farm: SoakFarm, seed: string) {
    this.#farm = farm;
    this.#dice = new SeededRandom(seed);
  }

  get observed(): Observed {
    return { disturbances: this.#disturbances, harms: this.#harms, rounds: this.#rounds, failed: this.#failed };
  }

  /** Until the time is up, or somebody wants the report. */
  async run(forMs: number, signal: AbortSignal): Promise<void> {
    const farm = this.#farm;
    const looking = setInterval(() => this.#look(), PLAN.pollMs);
    const end = Date.now() + forMs - PLAN.endMs;
    try {
      await farm.startNode();
      await this.#disturbed('start', () => this.#startFarmer());
      while (Date.now() < end && !signal.aborted) {
        await this.#calm(signal);
        if (signal.aborted || Date.now() >= end) break;
        await this.#doHarm(signal);
      }
      if (!signal.aborted) await this.#rest(PLAN.endMs, signal);
      this.#look();
      for (const { contract, damage } of this.#harms.filter(({ repaired }) => !repaired)) {
        if (!signal.aborted && this.#books.has(contract))
          farm.broken.push(`chunk ${contract}, ${damage}, was not repaired`);
      }
      const code = await farm.endFarmer('SIGTERM');
      if (code !== 0) farm.broken.push(`the farmer's exit code was ${code}`);
    } catch (error) {
      // What was seen until then is told all the same.
      farm.broken.push(error instanceof Error ? error.message : String(error));
    } finally {
      clearInterval(looking);
      await farm.endFarmer('SIGKILL');
      await farm.stopNode();
    }
  }

  async #calm(signal: AbortSignal): Promise<void> {
    const calmMs = this.#dice.whole(PLAN.calmMs.least, PLAN.calmMs.most);
    const beforeMs = this.#dice.random() * calmMs;
    await this.#rest(beforeMs, signal);
    if (this.#dice.random() < PLAN.damage && !signal.aborted) await this.#spoilOne();
    await this.#rest(calmMs - beforeMs, signal);
  }

  async #spoilOne(): Promise<void> {
    if (this.#damages.length === 0) this.#damages = this.#dice.shuffled(DAMAGES);
    const damage = this.#damages.pop() ?? 'deleted';
    const sound = this.#farm.entries().filter(({ hash }) => this.#farm.dataDir.hashOf(hash) === hash);
    const contract = this.#dice.pick(sound)?.hash;
    if (contract === undefined) return;
    await this.#farm.spoil(contract, damage);
    // Not before: a chunk that is sound when the books are looked at counts as repaired.
    this.#harms.push({ contract, damage, at: Date.now(), repaired: false });
  }

  async #doHarm(signal: AbortSignal): Promise<void> {
    if (this.#deck.length === 0) this.#deck = this.#dice.shuffled([...FARMER_AND_NODE, ...Object.keys(NODE_FAULTS)]);
    const kind = this.#deck.pop() ?? 'reset';
    const forMs = this.#dice.whole(PLAN.faultMs.least, PLAN.faultMs.most);
    // Something to take, so that the faults of that are met as well.
    this.#endOne();
    await this.#rest(PLAN.confirmMs, signal);
    await this.#disturbed(kind, async () => {
      const undo = await this.#begin(kind);
      await this.#rest(forMs, signal);
      await undo();
    });
  }

  /** By the node's own will. */
  #endOne(): void {
    const { controller } = this.#farm.node ?? {};
    const one = this.#dice.pick(this.#farm.entries());
    if (one !== undefined) controller?.ledger.expire(one.hash, controller.clock.now());
  }

  /** @returns what ends it */
  async #begin(kind: string): Promise<Done> {
    const farm = this.#farm;
    switch (kind) {
      case 'farmer killed':
        await farm.endFarmer('SIGKILL');
        return async () => await this.#startFarmer();
      case 'farmer stopped': {
        const code = await farm.endFarmer('SIGTERM');
        if (code !== 0) farm.broken.push(`stopped, the farmer's exit code was ${code}`);
        return async () => await this.#startFarmer();
      }
      case 'farmer frozen':
        farm.farmer?.signal('SIGSTOP');
        return () => farm.farmer?.signal('SIGCONT');
      case 'node away':
        await farm.stopNode();
        return async () => await farm.startNode();
      default:
        return this.#beginAtNode(kind);
    }
  }

  #beginAtNode(kind: string): Done {
    const { controller } = this.#farm.node ?? {};
    const [name, effect] = Object.entries(NODE_FAULTS).find(([each]) => each === kind) ?? [];
    if (controller === undefined || name === undefined) return () => {};
    const since = controller.clock.now();
    const times = Object.entries(TIMES).find(([each]) => each === kind)?.[1];
    controller.faults.add(fault.parse({ name: 'soak', effect, ...(times !== undefined && { times }) }), since);
    return async () => {
      controller.faults.remove('soak');
      if (!BREAKS_CONTRACTS.has(kind)) return;
      // What was asked for before is made now.
      await pause(PLAN.generationMs);
      const now = controller.clock.now();
      for (const { hash, acceptedAt } of [...controller.ledger.all(now)])
        if (acceptedAt >= since) controller.ledger.expire(hash, now);
    };
  }

  async #disturbed(kind: string, work: () => Promise<void>): Promise<void> {
    const disturbance = { kind, from: Date.now(), until: Number.POSITIVE_INFINITY };
    this.#disturbances.push(disturbance);
    await work();
    disturbance.until = Date.now();
  }

  async #startFarmer(): Promise<void> {
    await this.#farm.startFarmer(({ hash, acceptedAt }, { message, reason }) => {
      if (!isFromBreakingFault(acceptedAt, this.#disturbances))
        this.#farm.broken.push(`contract ${hash} was given up (${message}, ${reason})`);
    });
  }

  #look(): void {
    const entries = this.#farm.entries();
    if (this.#farm.node === undefined) return;
    for (const entry of entries) {
      const { over, failed } = between(this.#books.get(entry.hash), entry);
      this.#rounds.push(...over);
      this.#failed.push(...failed);
    }
    this.#books = new Map(entries.map((entry) => [entry.hash, entry]));
    for (const harm of this.#harms)
      if (!harm.repaired && this.#farm.dataDir.hashOf(harm.contract) === harm.contract) harm.repaired = true;
  }

  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    await pause(Math.max(0, ms), undefined, { signal }).catch(() => {});
  }
}

const FARMER_AND_NODE = ['farmer killed', 'farmer stopped', 'farmer frozen', 'node away'];
