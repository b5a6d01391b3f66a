import { isSelected } from '../../ledger/contract.ts';
import type { SeededRandom } from '../../ledger/seeded-random.ts';
import { editBody } from './edit-body.ts';
import type { Violation } from './effect.ts';

/** In the binary form of a Swizzle challenge, the key follows two integers of four bytes each. */
const SWIZZLE_KEY_START = 8;
const KEY_BYTES = 32;

export const wrongChallenge: Violation<'wrong_challenge'> =
  (handle, { contract }) =>
  async (call) => {
    const { random } = call.node;
    const isMeant = (hash: string) => contract === undefined || isSelected(hash, contract);
    const falsify = <T extends { readonly challenge?: string }>(hash: string, terms: T): T =>
      terms.challenge !== undefined && isMeant(hash)
        ? { ...terms, challenge: random.fakeChallenge(terms.challenge) }
        : terms;
    const falsifyV1 = <T extends { readonly file_hash: number; readonly challenge?: unknown }>(entry: T): T =>
      entry.challenge !== undefined && isMeant(String(entry.file_hash))
        ? { ...entry, challenge: falsifyHeartbeat(entry.challenge, random) }
        : entry;
    return editBody(await handle(call), (body) => {
      const { chunks, challenges, due_contracts: due } = body;
      if (chunks !== undefined) return { chunks: chunks.map(falsifyV1) };
      if (challenges !== undefined) return { challenges: challenges.map(falsifyV1) };
      return due === undefined
        ? falsify(body.file_hash ?? '', body)
        : { ...body, due_contracts: due.map((listed) => falsify(listed.hash, listed)) };
    });
  };

/** A challenge of the same scheme with another key. */
function falsifyHeartbeat(challenge: unknown, random: SeededRandom): unknown {
  const key = random.bytes('false challenge', JSON.stringify(challenge))(KEY_BYTES);
  if (typeof challenge !== 'string') return { ...Object(challenge), seed: key.toString('base64') };
  const bytes = Buffer.from(challenge, 'base64');
  key.copy(bytes, SWIZZLE_KEY_START);
  return bytes.toString('base64');
}
