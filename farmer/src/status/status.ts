import type { DiskStateKind } from '../chunks/disk-state.ts';
import type { Phase } from '../contract/contract.ts';
import type { WaitReason } from '../contract/waiting.ts';
import type { NodeErrorCode } from '../farming/errors.ts';
import type { EndReason, ExitState, ScrubResult, Tally } from '../farming/ports.ts';
import type { Repairs } from '../farming/repair-counts.ts';

/** `capacity`: how many contracts fit if the chunks of further ones are as large as those of the others on average. */
export type Contracts = { readonly total: number; readonly capacity: number } & Readonly<Record<Phase, number>>;

interface NodeProblemStatus {
  /** The code of the latest failure, as in logs and metrics. */
  readonly code: NodeErrorCode;
  /** ISO 8601: when the first failed request was sent. No request has succeeded since; earlier runs do not count. */
  readonly since: string;
}

/** The size of chunks, including those not yet generated, and how large they may be together. */
export interface BytesUsed {
  readonly used: number;
  readonly capacity: number;
}

export interface NodeStatus {
  readonly alias: string;
  readonly url: string;
  /** Whether the node responded to the last request, even if not as expected. */
  readonly reachable: boolean;
  /** Why the node returns no token or no listing; null if it does, or was not asked yet. */
  readonly problem: NodeProblemStatus | null;
  /** Whether requests pause after repeated failures. */
  readonly circuitOpen: boolean;
  /** Whether the node responds that it does not know the token. If this continues, its contracts are dropped. */
  readonly tokenRejected: boolean;
  /** Progress of a graceful exit. */
  readonly exitState: ExitState;
  /** How far the node's clock is ahead; null before the first measurement. */
  readonly clockSkewSeconds: number | null;
  /** Identifies the farmer without revealing its token; null before the node has issued one. */
  readonly farmerId: string | null;
  readonly contracts: Contracts;
  readonly bytes: BytesUsed;
  /** Why the node gets no more contracts at present, and what would help; null while it gets some. */
  readonly waiting: { readonly reason: WaitReason; readonly explanation: string } | null;
  /** Contracts that ended since the farmer started, by reason. */
  readonly ended: Readonly<Record<EndReason, number>>;
  /** ISO 8601; null without contracts. */
  readonly nextDue: string | null;
  readonly challenges: Challenges;
}

export interface DiskStatus {
  readonly path: string;
  readonly state: DiskStateKind;
  /** Why no chunk can be stored on it; null if it is `ok`. */
  readonly reason: string | null;
  /** ISO 8601: since when it has been in this state, at the earliest since the start; null if it is `ok`. */
  readonly since: string | null;
  readonly bytes: BytesUsed;
  /** Free space and size of the file system; null if unknown. */
  readonly freeBytes: number | null;
  readonly sizeBytes: number | null;
}

export interface Challenges {
  readonly passed: number;
  readonly failed: number;
  readonly failedByReason: Omit<Tally, 'passed'>;
}

/** The period that the totals of challenges cover. Dates are ISO 8601. */
export interface Results {
  /** Null: since the data directory was created. */
  readonly since: string | null;
  /** Periods in between that they do not cover, because the state was lost or restored; oldest first. */
  readonly unknown: readonly { readonly from: string; readonly to: string }[];
}

/** Response of `/status`. Contains no secrets. */
export interface Status {
  readonly alias: string;
  readonly version: string;
  /** As of `Build`. */
  readonly commit: string;
  readonly uptimeSeconds: number;
  readonly address: string;
  readonly nodes: readonly NodeStatus[];
  readonly disks: readonly DiskStatus[];
  /** Whether the last write to the state succeeded. */
  readonly stateSaved: boolean;
  /** Contracts of all nodes. `capacityEstimate`: how many can be proved in time; null before it has been measured. */
  readonly contracts: Contracts & { readonly capacityEstimate: number | null };
  readonly bytes: BytesUsed;
  /** ISO 8601; null without contracts. */
  readonly nextDue: string | null;
  /** Challenges of the nodes above in the period that `results` names. */
  readonly challenges: Challenges;
  /** Null until the state is open. */
  readonly results: Results | null;
  readonly repairs: Repairs;
  readonly scrub: {
    readonly running: boolean;
    /** ISO 8601; null if no scrub has completed. */
    readonly completedAt: string | null;
    /** Results of the last scrub that a command started. */
    readonly results: Readonly<Record<ScrubResult, number>>;
  };
}
