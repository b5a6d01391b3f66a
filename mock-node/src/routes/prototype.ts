import { buildPath, findAddressMistake } from '@downstream/protocol';
import type { Call, Handlers } from '../api/handler.ts';
import { type ApiResponse, json } from '../api/response.ts';

const NO_TOKEN = { status: 'no_token' };

/** The contract routes. Like the original, they report most errors as a `status` under HTTP 200. */
export const prototypeHandlers: Handlers<
  'connectivity' | 'new' | 'chunk' | 'due' | 'challenge' | 'remove' | 'download'
> = {
  connectivity: () => json({ msg: 'ok' }),
  new: ({ params, client, node }) => {
    const { address = '' } = params;
    const mistake = findAddressMistake(address);
    if (mistake !== undefined) return json({ status: 'error', message: `Invalid address: ${mistake}.` }, 400);
    if (!node.ledger.canRegister()) return json({ status: 'error', message: 'Too many farmers.' }, 503);
    return json({ token: node.ledger.register({ address, client }) });
  },
  chunk: issueContract,
  due: ({ params, now, node }) => {
    const listing = node.ledger.getListing(params['token'] ?? '', now, 'digest');
    if (listing === undefined) return json(NO_TOKEN);
    return json({ all_contracts: listing.all.map((hash) => ({ hash })), due_contracts: listing.due });
  },
  challenge: async ({ params, now, node: { ledger, chunks } }) => {
    const { token = '', hash = '', response = '' } = params;
    const secret = ledger.digests.getUnverifiedSecret(token, hash, now);
    if (secret !== undefined) ledger.digests.setVerifier(await chunks.createVerifier(secret), { token, hash, secret });
    return json({ status: ledger.digests.answer(token, { hash, response }, now) });
  },
  remove: ({ params, now, node }) =>
    json({ status: node.ledger.digests.remove(params['token'] ?? '', params['hash'] ?? '', now) }),
  download: ({ params, now, node }) => {
    const secret = node.ledger.digests.getChunkSecret(params['hash'] ?? '', now);
    if (secret === undefined) return json({ status: 'error', message: 'No such chunk.' }, 404);
    const headers = { 'Content-Type': 'application/octet-stream' };
    return { status: 200, headers, body: node.chunks.readBlocks(secret) };
  },
};

async function issueContract({ params, origin, now: startedAt, node }: Call): Promise<ApiResponse> {
  const { ledger, newContracts, settings, now, timeScale } = node;
  const { token = '' } = params;
  if (!ledger.hasFarmer(token)) return json(NO_TOKEN);
  const reserved = newContracts.reserve(startedAt);
  if (reserved === undefined) return json({ status: 'no_chunks' });
  const { index, secret } = reserved;
  const chunk = await newContracts.generateChunk(secret).catch((error: unknown) => {
    ledger.cancelReservation();
    throw error;
  });
  const { intervalMs, contractForm } = settings();
  const challenge = ledger.digests.start(token, { index, chunk, intervalMs }, now());
  if (challenge === undefined) return json(NO_TOKEN);
  const { fileHash } = chunk;
  return json({
    ...(contractForm === 'secret' ? { secret } : { url: origin + buildPath('download', { hash: fileHash }) }),
    file_hash: fileHash,
    challenge,
    // Farmers measure the interval in real time, whatever the rate of the node's clock.
    interval: intervalMs / 1000 / timeScale(),
  });
}
