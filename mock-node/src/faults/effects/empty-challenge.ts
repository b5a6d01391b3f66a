import { editEntries } from './edit-body.ts';
import type { Violation } from './effect.ts';

export const emptyChallenge: Violation<'empty_challenge'> =
  (handle, { contract }) =>
  async (call) => {
    const { params, now, node } = call;
    const { token = '' } = params;
    return editEntries(await handle(call), contract, (entry) => {
      if (typeof entry.challenge !== 'string') return [entry];
      const challenge = removeChunks(entry.challenge);
      // The node verifies what it sent.
      node.ledger.heartbeats.replaceChallenge(token, String(entry.file_hash), JSON.stringify(challenge), now);
      return [{ ...entry, challenge }];
    });
  };

/** The binary form of a Swizzle challenge begins with l, the number of chunks that it covers. */
function removeChunks(challenge: string): string {
  const bytes = Buffer.from(challenge, 'base64');
  bytes.writeUInt32LE(0);
  return bytes.toString('base64');
}
