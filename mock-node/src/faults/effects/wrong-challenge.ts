import { isSelected } from '../../ledger/contract.ts';
import type { SeededRandom } from '../../ledger/seeded-random.ts';
import { editBody, editEntries } from './edit-body.ts';
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
    const falsified = editEntries(await handle(call), contract, (entry) => [
      entry.challenge === undefined ? entry : { ...entry, challenge: falsifyHeartbeat(entry.challenge, random) },
    ]);
    return editBody(falsified, (body) => {
      const { due_contracts: due } = body;
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
