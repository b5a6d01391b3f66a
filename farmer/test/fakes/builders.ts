import type { Contract, Terms } from '../../src/contract/contract.ts';

export const T0 = Date.UTC(2030, 0, 1);
export const INTERVAL_MS = 60_000;

/** A contract id: the number, padded. */
export const makeId = (n: number): string => n.toString(16).padStart(64, '0');

export const terms = (changes: Partial<Terms> = {}): Terms => ({
  id: makeId(1),
  reference: changes.id ?? makeId(1),
  source: { kind: 'secret', secret: 's' },
  sizeBytes: 100,
  proof: 'digest',
  intervalMs: INTERVAL_MS,
  acceptedAt: T0,
  ...changes,
});

const held = { terms: terms(), round: { number: 0, issuedAt: T0 }, timeline: { attempts: 0 } };

export const generating = (challenge?: string): Contract<'generating'> => ({
  phase: 'generating',
  hadChunk: false,
  ...held,
  challenge,
});
export const waiting = (round = 0): Contract<'waiting'> => ({
  ...held,
  phase: 'waiting',
  round: { number: round, issuedAt: T0 + round * INTERVAL_MS },
});
export const proving = (challenge = '0.1'): Contract<'proving'> => ({ phase: 'proving', ...held, challenge });
export const answering = (challenge = '0.1', response = 'r'): Contract<'answering'> => ({
  phase: 'answering',
  ...held,
  challenge,
  response,
});
