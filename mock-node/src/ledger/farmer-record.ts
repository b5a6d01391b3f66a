/** What the node knows about a farmer besides its running contracts. */
export interface FarmerRecord {
  readonly token: string;
  readonly address: string;
  /** The IP address from which the farmer registered or last requested contracts. */
  client: string;
  /** Contracts that the farmer ever accepted, and their size. */
  contracts: number;
  sizeBytes: number;
  passed: number;
  /** The latest end of a round of any of its contracts. */
  lastDueAt?: number | undefined;
  /** The time in which the farmer had a contract that was not expired; undefined before the first one. */
  online?: { readonly since: number; readonly until: number; readonly coveredMs: number } | undefined;
}

export interface FarmerIdentity {
  readonly address: string;
  /** Its IP address. */
  readonly client: string;
}

export function createFarmerRecord(token: string, { address, client }: FarmerIdentity): FarmerRecord {
  return { token, address, client, contracts: 0, sizeBytes: 0, passed: 0 };
}

/** Adds the time from `now` to `until`, in which a contract runs. Overlapping times count once. */
export function extendOnlineTime(record: FarmerRecord, until: number, now: number): void {
  const { since, until: before, coveredMs } = record.online ?? { since: now, until: now, coveredMs: 0 };
  const added = Math.max(0, until - Math.max(now, before));
  record.online = { since, until: Math.max(until, before), coveredMs: coveredMs + added };
}

/** The part of the time since its first contract in which the farmer was online, from 0 to 1. */
export function computeUptime({ online }: FarmerRecord, now: number): number {
  if (online === undefined || now <= online.since) return 0;
  const coveredMs = online.coveredMs - Math.max(0, online.until - now);
  return coveredMs / (now - online.since);
}
