import type { Disturbance } from './failure-explainer.ts';

/** A challenge that passed, and when. */
interface Pass {
  readonly contract: string;
  readonly at: number;
}

export interface CountTolerance {
  readonly settleMs: number;
  readonly countMs: number;
}

/** The challenges that passed according to the node and according to the farmer. */
export class ChallengeCounts {
  readonly #byNode: Pass[] = [];
  readonly #byFarmer: Pass[] = [];

  countByNode(contract: string, at: number): void {
    this.#byNode.push({ contract, at });
  }

  countByFarmer(contract: string, at: number): void {
    this.#byFarmer.push({ contract, at });
  }

  get totals(): { readonly node: number; readonly farmer: number } {
    return { node: this.#byNode.length, farmer: this.#byFarmer.length };
  }

  /**
   * Compares both counts. The farmer may miss a pass near a disturbance, because it does not learn the result.
   *
   * @param until the end of the run; the farmer may not have counted what passed just before
   * @returns a sentence for each contract whose counts differ without a reason
   */
  findDifferences(
    disturbances: readonly Disturbance[],
    { until, settleMs, countMs }: CountTolerance & { until: number },
  ): string[] {
    const farmer = groupByContract(this.#byFarmer);
    const isUndisturbed = ({ at }: Pass) =>
      at + countMs < until && disturbances.every((each) => at + countMs < each.from || at > each.until + settleMs);
    return [...groupByContract(this.#byNode)].flatMap(([contract, passes]) => {
      const counted = farmer.get(contract) ?? [];
      const missed = passes
        .filter(isUndisturbed)
        .filter(({ at }) => !counted.some((pass) => pass.at >= at && pass.at <= at + countMs));
      return [
        ...(counted.length > passes.length
          ? [
              `counts differ: contract ${contract}: the farmer counted ${counted.length} passed, the node ${passes.length}`,
            ]
          : []),
        ...(missed.length > 0
          ? [`counts differ: contract ${contract}: ${missed.length} passed, not counted by the farmer`]
          : []),
      ];
    });
  }
}

function groupByContract(passes: readonly Pass[]): Map<string, Pass[]> {
  const groups = new Map<string, Pass[]>();
  for (const pass of passes) {
    const group = groups.get(pass.contract);
    if (group === undefined) groups.set(pass.contract, [pass]);
    else group.push(pass);
  }
  return groups;
}
