import { setTimeout as sleep } from 'node:timers/promises';
import { fault } from '@downstream/control-api';
import { type Damage, type Disturbance, isFromBreakingFault } from './failure-explainer.ts';
import {
  BREAKS_CONTRACTS,
  DAMAGE_KINDS,
  type DamageKind,
  MAX_APPLICATIONS,
  NODE_FAULTS,
  OUTAGES,
  PLAN,
} from './plan.ts';
import { type ResourceSample, readResources } from './resource-usage.ts';
import {
  compareSnapshots,
  type FailedRound,
  getCurrentRound,
  getLastRounds,
  type Round,
  type Snapshot,
} from './rounds.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SoakFarm } from './soak-farm.ts';

/** What was done to the farm, and how its rounds ended. */
export interface Observations {
  readonly disturbances: readonly Disturbance[];
  readonly damages: readonly ChunkDamage[];
  readonly rounds: readonly Round[];
  readonly failed: readonly FailedRound[];
  /** What the farmer used during pauses. */
  readonly resources: readonly ResourceSample[];
  /** When the farmer was stopped at the end. */
  readonly endedAt: number;
}

interface ChunkDamage extends Damage {
  readonly kind: DamageKind;
  isRepaired: boolean;
}

type Undo = () => Promise<void> | void;

/** Disturbs a farm with one fault after another. The seed determines their order and times. */
export class SoakRun {
  readonly #farm: SoakFarm;
  readonly #random: SeededRandom;
  readonly #disturbances: { kind: string; from: number; until: number }[] = [];
  readonly #damages: ChunkDamage[] = [];
  readonly #rounds: Round[] = [];
  readonly #failed: FailedRound[] = [];
  readonly #resources: ResourceSample[] = [];
  #endedAt = 0;
  #snapshots = new Map<string, Snapshot>();
  #remainingFaults: string[] = [];
  #remainingDamages: DamageKind[] = [];

  constructor(farm: SoakFarm, seed: string) {
    this.#farm = farm;
    this.#random = new SeededRandom(seed);
  }

  get observations(): Observations {
    return {
      disturbances: this.#disturbances,
      damages: this.#damages,
      rounds: this.#rounds,
      failed: this.#failed,
      resources: this.#resources,
      endedAt: this.#endedAt,
    };
  }

  /** Runs for a time, or until the signal is aborted. Errors become violations, so that a report is always possible. */
  async run(durationMs: number, signal: AbortSignal): Promise<void> {
    const farm = this.#farm;
    const polling = setInterval(() => this.#poll(), PLAN.pollMs);
    const end = Date.now() + durationMs - PLAN.endMs;
    try {
      await farm.startNode();
      await this.#disturb('start', () => this.#startFarmer());
      while (Date.now() < end && !signal.aborted) {
        await this.#pause(signal);
        if (signal.aborted || Date.now() >= end) break;
        await this.#applyNextFault(signal);
      }
      if (!signal.aborted) await this.#wait(PLAN.endMs, signal);
      this.#poll();
      for (const { contract, kind, isRepaired } of this.#damages) {
        if (!isRepaired && !signal.aborted && this.#snapshots.has(contract))
          farm.violations.push(`not repaired: chunk ${contract}, ${kind}`);
      }
      this.#endedAt = Date.now();
      await farm.endFarmer('SIGTERM');
      if (!signal.aborted) farm.violations.push(...farm.findLeftovers());
    } catch (error) {
      farm.violations.push(error instanceof Error ? error.message : String(error));
    } finally {
      clearInterval(polling);
      await farm.endFarmer('SIGKILL');
      await farm.stopNode();
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#random.integer(PLAN.pauseMs.min, PLAN.pauseMs.max);
    const beforeMs = this.#random.next() * pauseMs;
    await this.#wait(beforeMs, signal);
    if (this.#random.next() < PLAN.damageProbability && !signal.aborted) await this.#damageOneChunk();
    await this.#wait(pauseMs - beforeMs, signal);
    const resources = readResources(this.#farm.farmer?.pid ?? 0);
    if (resources !== undefined) this.#resources.push(resources);
  }

  async #damageOneChunk(): Promise<void> {
    if (this.#remainingDamages.length === 0) this.#remainingDamages = this.#random.shuffle(DAMAGE_KINDS);
    const kind = this.#remainingDamages.pop() ?? 'deleted';
    const intact = this.#farm.takeSnapshots().filter(({ hash }) => this.#farm.isChunkIntact(hash));
    const contract = this.#random.pick(intact)?.hash;
    if (contract === undefined) return;
    await this.#farm.damageChunk(contract, kind);
    // Recorded after the damage: a poll that finds the chunk intact counts as repaired.
    this.#damages.push({ contract, kind, at: Date.now(), isRepaired: false });
  }

  async #applyNextFault(signal: AbortSignal): Promise<void> {
    if (this.#remainingFaults.length === 0)
      this.#remainingFaults = this.#random.shuffle([...OUTAGES, ...Object.keys(NODE_FAULTS[this.#farm.api])]);
    const kind = this.#remainingFaults.pop() ?? 'reset';
    const faultMs = this.#random.integer(PLAN.faultMs.min, PLAN.faultMs.max);
    // Makes the farmer accept a contract, so that acceptance meets faults as well.
    this.#endOneContract();
    await this.#wait(PLAN.confirmMs, signal);
    await this.#disturb(kind, async () => {
      const undo = await this.#apply(kind);
      await this.#wait(faultMs, signal);
      await undo();
    });
  }

  #endOneContract(): void {
    const { controller } = this.#farm.node ?? {};
    const contract = this.#random.pick(this.#farm.takeSnapshots());
    if (contract !== undefined) controller?.ledger.expire(contract.hash, controller.clock.now());
  }

  async #apply(kind: string): Promise<Undo> {
    const farm = this.#farm;
    switch (kind) {
      case 'farmer killed':
        await farm.endFarmer('SIGKILL');
        return async () => await this.#startFarmer();
      case 'farmer stopped':
        await farm.endFarmer('SIGTERM');
        return async () => await this.#startFarmer();
      case 'farmer frozen':
        farm.farmer?.signal('SIGSTOP');
        return () => farm.farmer?.signal('SIGCONT');
      case 'node stopped':
        await farm.stopNode();
        return async () => await farm.startNode();
      default:
        return this.#applyNodeFault(kind);
    }
  }

  #applyNodeFault(kind: string): Undo {
    const { controller } = this.#farm.node ?? {};
    const [name, effect] = Object.entries(NODE_FAULTS[this.#farm.api]).find(([each]) => each === kind) ?? [];
    if (controller === undefined || name === undefined) return () => {};
    const since = controller.clock.now();
    const times = Object.entries(MAX_APPLICATIONS).find(([each]) => each === kind)?.[1];
    controller.faults.add(fault.parse({ name: 'soak', effect, ...(times !== undefined && { times }) }), since);
    return async () => {
      controller.faults.remove('soak');
      if (!BREAKS_CONTRACTS.has(kind)) return;
      // The node may still be creating a contract that was requested during the fault.
      await sleep(PLAN.generationMs);
      const now = controller.clock.now();
      for (const { hash, acceptedAt } of [...controller.ledger.listContracts(now)])
        if (acceptedAt >= since) controller.ledger.expire(hash, now);
    };
  }

  async #disturb(kind: string, work: () => Promise<void>): Promise<void> {
    const disturbance = { kind, from: Date.now(), until: Number.POSITIVE_INFINITY };
    this.#disturbances.push(disturbance);
    await work();
    disturbance.until = Date.now();
  }

  async #startFarmer(): Promise<void> {
    await this.#farm.startFarmer(({ hash, acceptedAt }, { message, reason }) => {
      if (!isFromBreakingFault(acceptedAt, this.#disturbances))
        this.#farm.violations.push(`dropped: contract ${hash} is running at the node (${message}, ${reason})`);
    });
  }

  #poll(): void {
    const snapshots = this.#farm.takeSnapshots();
    if (this.#farm.node === undefined) return;
    for (const { contract, kind } of this.#farm.takeReportedFailures()) {
      const before = this.#snapshots.get(contract);
      if (before === undefined) continue;
      if (kind === 'rejected') this.#failed.push({ ...getCurrentRound(before), result: 'wrong' });
      else {
        const { elapsed, failed } = getLastRounds(before);
        this.#rounds.push(...elapsed);
        this.#failed.push(...failed);
      }
    }
    for (const snapshot of snapshots) {
      const { elapsed, failed } = compareSnapshots(this.#snapshots.get(snapshot.hash), snapshot);
      this.#rounds.push(...elapsed);
      this.#failed.push(...failed);
    }
    this.#snapshots = new Map(snapshots.map((snapshot) => [snapshot.hash, snapshot]));
    for (const damage of this.#damages) damage.isRepaired ||= this.#farm.isChunkIntact(damage.contract);
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(Math.max(0, ms), undefined, { signal }).catch(() => {});
  }
}
