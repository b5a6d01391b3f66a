import { formatCanonicalJson } from './canonical-json.ts';

/** Enough for Swizzle with the largest prime. Challenges are kept in memory and in the state. */
const MAX_LENGTH = 2 * 1024;

/** @returns the text by which the farmer identifies a challenge; undefined if there is none or it is too long */
export function formatChallenge(challenge: unknown): string | undefined {
  const text = challenge === undefined ? undefined : formatCanonicalJson(challenge);
  return text !== undefined && text.length <= MAX_LENGTH ? text : undefined;
}
