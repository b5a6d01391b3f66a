import type { ChallengeResult } from '../../src/ledger/contract.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { SeededRandom } from '../../src/ledger/seeded-random.ts';

export const T0 = 1_000_000;
export const INTERVAL = 60_000;
export const IDENTITY = { address: 'address', client: '127.0.0.1' };
export const TOKEN = new SeededRandom('seed').token(0);

/** A ledger with one farmer. The correct response to a challenge is `right:` and the challenge. */
export function createLedger({
  intervalMs = INTERVAL,
  ...options
}: Partial<LedgerOptions & { intervalMs: number }> = {}) {
  const results: Record<ChallengeResult, number> = { passed: 0, wrong: 0, unanswered: 0 };
  /** The calls of the observer in order. */
  const events: string[] = [];
  const ledger = new Ledger(() => ({ maxContracts: 10, maxFailures: 3, ...options }), {
    random: new SeededRandom('seed'),
    observer: {
      accepted: (hash) => events.push(`accepted ${hash}`),
      settled: (result, count, { hash, late }) => {
        results[result] += count;
        events.push(`${result} ${count} ${hash}${late ? ' (late)' : ''}`);
      },
      ended: (reason, hash) => events.push(`${reason} ${hash}`),
    },
  });
  const token = ledger.register(IDENTITY);
  /** The next reservation and its chunk. */
  const reserve = (hash: string, now: number) => {
    const next = ledger.reserveContract(now);
    const verifier = { response: (challenge: string) => `right:${challenge}` };
    return next && { index: next.index, chunk: { fileHash: hash, sizeBytes: 100, secret: next.secret, verifier } };
  };
  const accept = (hash = 'hash', now = T0, farmer = token, ms = intervalMs) => {
    const next = reserve(hash, now);
    if (next === undefined) throw new Error('no contract');
    const challenge = ledger.digests.start(farmer, { ...next, intervalMs: ms }, now);
    if (challenge === undefined) throw new Error('the farmer is unknown');
    return challenge;
  };
  const answer = (challenge: string, now: number) =>
    ledger.digests.answer(token, { hash: 'hash', response: `right:${challenge}` }, now);
  const challengeAt = (now: number) => ledger.getListing(token, now)?.due[0]?.challenge;
  return { ledger, token, results, events, reserve, accept, answer, challengeAt };
}
