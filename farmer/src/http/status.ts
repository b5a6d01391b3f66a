import { createHash } from 'node:crypto';
import type { Phase } from '../contract/contract.ts';
import type { Tally } from '../farming/ports.ts';

/** What `/status` says: a farmer at a glance, for people and scripts. Nothing secret. */
export interface Status {
  readonly alias: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly node: { readonly url: string; readonly reachable: boolean };
  /** Shown to people: first 20 hex characters of SHA-256 over the token. Null until the node gave one. */
  readonly farmerId: string | null;
  readonly address: string;
  readonly contracts: { readonly total: number; readonly capacity: number } & Readonly<Record<Phase, number>>;
  readonly bytes: { readonly used: number; readonly capacity: number };
  /** ISO 8601; null without contracts. */
  readonly nextDue: string | null;
  /** Since this data directory began. */
  readonly challenges: {
    readonly passed: number;
    readonly failed: number;
    readonly failedByReason: Omit<Tally, 'passed'>;
  };
}

/** The farmer's public id: a token shown without giving it away. */
export function farmerId(token: string): string {
  const bytes = /^([0-9a-f]{2})+$/i.test(token) ? Buffer.from(token, 'hex') : Buffer.from(token, 'utf8');
  return createHash('sha256').update(bytes).digest('hex').slice(0, 20);
}

/** Outcomes as they are shown. */
export function challengeTotals({ passed, ...failedByReason }: Tally): Status['challenges'] {
  return { passed, failed: Object.values(failedByReason).reduce((sum, count) => sum + count, 0), failedByReason };
}
