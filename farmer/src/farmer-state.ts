import type { Disks } from './chunks/disks.ts';
import type { WorkerPool } from './chunks/worker-pool.ts';
import type { FarmerOperations } from './control/operations.ts';
import type { Farmer } from './farming/farmer.ts';
import type { ResultsGap } from './state/results-gap.ts';
import type { Connection } from './wiring.ts';

/** The components that HTTP reads, all of them complete. */
export interface RunningFarmer {
  readonly farmer: Farmer;
  readonly disks: Disks;
  readonly pool: WorkerPool;
  readonly connections: readonly Connection[];
  readonly operations: FarmerOperations;
  /** Periods whose results are not in the state. */
  readonly resultsGaps: readonly ResultsGap[];
}

export type FarmerState = { readonly phase: 'starting' } | ({ readonly phase: 'running' } & RunningFarmer);

/** The HTTP server starts before all other components and reads the farmer's state from here. */
export class StartupState {
  #current: FarmerState = { phase: 'starting' };

  get current(): FarmerState {
    return this.#current;
  }

  setRunning(components: RunningFarmer): void {
    this.#current = { phase: 'running', ...components };
  }
}
