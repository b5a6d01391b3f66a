import { parseJson } from '@downstream/platform';
import {
  formatTokenLimitError,
  isSignedBy,
  isSjcxAddress,
  MAX_MESSAGE_CHARS,
  NO_MORE_CHALLENGES,
  parseContractIds,
  parseProofs,
  SIGNATURE_CHARS,
  STANDARD_GENESIS,
  V1_CONTRACT_ERRORS,
  V1_ERRORS,
} from '@downstream/protocol';
import type { Call, Handlers } from '../api/handler.ts';
import { NOT_FOUND } from '../api/html-errors.ts';
import { type ApiResponse, json } from '../api/response.ts';
import type { PreparedChunk } from '../heartbeats/prepared-chunks.ts';
import type { ProofRejection } from '../ledger/contract.ts';

const MAX_CHUNKS_PER_REQUEST = 10;
/** What a farmer gets that requests no size. */
const DEFAULT_SIZE = STANDARD_GENESIS.sizeBytes;

/** The contract routes of the v1 API. Errors of single contracts are part of a response with HTTP 200. */
export const v1Handlers: Handlers<'v1_root' | 'v1_new' | 'v1_heartbeat' | 'v1_chunk' | 'v1_challenge' | 'v1_answer'> = {
  v1_root: () => json({ msg: 'ok' }),
  v1_new: async (call) => {
    const { params, client, node } = call;
    const { address = '' } = params;
    const { requiresSignature, tokensPerClient, whitelist } = node.v1Policy;
    const mistake = requiresSignature ? findSignatureMistake(call, address) : undefined;
    if (mistake !== undefined) return reject(mistake);
    // Nothing else can register between the checks and the registration.
    const heartbeat = await node.heartbeat.getPublic();
    if (tokensPerClient !== undefined && node.ledger.countFarmersAt(client) >= tokensPerClient)
      return reject(formatTokenLimitError(tokensPerClient));
    if (!isSjcxAddress(address)) return reject(V1_ERRORS.invalidAddress);
    if (whitelist !== undefined && !whitelist.includes(address)) return reject(V1_ERRORS.notWhitelisted);
    if (!node.ledger.canRegister()) return json({ status: 'error', message: 'Too many farmers.' }, 503);
    node.preparedChunks.start();
    return json({ token: node.ledger.register({ address, client }), ...heartbeat });
  },
  v1_heartbeat: async ({ params, node }) => {
    const { token = '' } = params;
    if (!node.ledger.hasFarmer(token)) return reject(V1_ERRORS.unknownToken, 404);
    return json({ token, ...(await node.heartbeat.getPublic()) });
  },
  v1_chunk: async (call) => {
    const { params } = call;
    const { token = '', size = String(DEFAULT_SIZE) } = params;
    if (!/^\d{1,15}$/.test(size)) return NOT_FOUND;
    const mistake = findFarmerMistake(call);
    if (mistake !== undefined) return reject(mistake);
    // The first round of a contract must not pass while other chunks are encoded.
    const reserved = await reserveChunks(call, Number(size));
    const offers = reserved.flatMap((each) => startContract(call, token, each) ?? []);
    return jsonText(`{"chunks":[${offers.join(',')}]}`);
  },
  v1_challenge: (call) => {
    const { params, method, body, now, node } = call;
    const { token = '' } = params;
    if (!node.ledger.hasFarmer(token)) return reject(V1_ERRORS.unknownToken);
    const ids =
      method === 'POST'
        ? parseContractIds(parseJson(body))
        : node.ledger.heartbeats.list(token, now).map((hash) => ({ number: Number(hash), id: Number(hash) }));
    const entries = ids.map(({ number, id }) => {
      const issued = node.ledger.heartbeats.requestChallenge(token, String(number), now);
      if (issued === 'not_found') return JSON.stringify({ file_hash: id, error: V1_CONTRACT_ERRORS.unknown });
      if (issued === 'expired') return JSON.stringify({ file_hash: number, error: V1_CONTRACT_ERRORS.expired });
      if (issued === 'no_more_challenges') return JSON.stringify({ file_hash: number, status: NO_MORE_CHALLENGES });
      const { challenge, dueAt, answered } = issued;
      const rest = JSON.stringify({ due: toSecondsLeft(call, dueAt), answered });
      return `{"file_hash":${number},"challenge":${challenge},${rest.slice(1)}`;
    });
    return jsonText(`{"challenges":[${entries.join(',')}]}`);
  },
  v1_answer: async (call) => {
    const mistake = findFarmerMistake(call);
    if (mistake !== undefined) return reject(mistake);
    const { params, body, now, node } = call;
    const { token = '' } = params;
    const { ledger, heartbeat } = node;
    const received = parseProofs(parseJson(body)).map((each) => {
      const hash = String(each.number);
      return { ...each, hash, open: ledger.heartbeats.getOpenProof(token, hash, now) };
    });
    const verdicts = await heartbeat.verify(
      received.map(({ proof, open }) => (typeof open === 'string' ? { proof } : { proof, ...open })),
    );
    const report = received.map(({ number, id, hash, open }, index) => {
      const round = typeof open === 'string' ? undefined : open.round;
      const verdict = verdicts[index] ?? 'unverified';
      const result = ledger.heartbeats.settleProof(token, { hash, round, verdict }, now);
      if (result === 'ok') return { file_hash: number, status: 'ok' };
      return { file_hash: result === 'not_found' ? id : number, error: ANSWER_ERRORS[result] };
    });
    return json({ report });
  },
};

const ANSWER_ERRORS: Readonly<Record<ProofRejection, string>> = {
  not_found: V1_CONTRACT_ERRORS.unknown,
  corrupted: V1_CONTRACT_ERRORS.corruptedProof,
  expired: V1_CONTRACT_ERRORS.answerExpired,
  answered: V1_CONTRACT_ERRORS.alreadyAnswered,
  invalid: V1_CONTRACT_ERRORS.invalidProof,
};

export function reject(message: string, status = 400): ApiResponse {
  return json({ status: 'error', message }, status);
}

function jsonText(text: string): ApiResponse {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body: Buffer.from(text) };
}

/** Checks the farmer's token and IP address. */
function findFarmerMistake({ params, client, node: { ledger, v1Policy } }: Call): string | undefined {
  const { token = '' } = params;
  const { tokensPerClient } = v1Policy;
  if (!ledger.hasFarmer(token)) return V1_ERRORS.unknownToken;
  if (ledger.moveClient(token, client, tokensPerClient)) return undefined;
  return formatTokenLimitError(tokensPerClient ?? 0);
}

function findSignatureMistake({ method, body }: Call, address: string): string | undefined {
  if (method !== 'POST') return V1_ERRORS.signatureRequired;
  const posted = parseJson(body);
  if (typeof posted !== 'object' || posted === null || !('message' in posted) || !('signature' in posted))
    return V1_ERRORS.invalidSignatureRequest;
  const { message, signature } = posted;
  if (typeof message !== 'string' || typeof signature !== 'string') return V1_ERRORS.invalidSignatureRequest;
  if (message.length > MAX_MESSAGE_CHARS) return V1_ERRORS.messageTooLong;
  if (signature.length !== SIGNATURE_CHARS) return V1_ERRORS.signatureLength;
  return isSignedBy(address, message, signature) ? undefined : V1_ERRORS.invalidSignature;
}

interface ReservedChunk {
  /** The number of the contract. */
  readonly index: number;
  readonly chunk: PreparedChunk;
}

/** Takes the largest chunks that fit, as many as the node has contracts for. */
async function reserveChunks({ now, node }: Call, maxBytes: number): Promise<ReservedChunk[]> {
  const { ledger, newContracts, preparedChunks } = node;
  const reserved: ReservedChunk[] = [];
  let left = maxBytes;
  while (reserved.length < MAX_CHUNKS_PER_REQUEST) {
    const sizeBytes = preparedChunks.findSize(left);
    const next = sizeBytes === undefined ? undefined : newContracts.reserve(now);
    if (sizeBytes === undefined || next === undefined) break;
    const chunk = await preparedChunks.take(sizeBytes).catch((error: unknown) => {
      for (let count = 0; count <= reserved.length; count++) ledger.cancelReservation();
      throw error;
    });
    reserved.push({ index: next.index, chunk });
    left -= sizeBytes;
  }
  return reserved;
}

/**
 * Starts the contract of a reserved chunk.
 *
 * @returns its entry in `chunks`; undefined if the farmer is no longer known
 */
function startContract(call: Call, token: string, { index, chunk }: ReservedChunk): string | undefined {
  const { ledger, settings, now } = call.node;
  const { intervalMs } = settings();
  const contract = ledger.heartbeats.start(token, { index, chunk, intervalMs }, now());
  if (contract === undefined) return undefined;
  const { seed, sizeBytes, tag } = chunk;
  const { hash, challenge, dueAt } = contract;
  const fields = JSON.stringify({ seed, size: sizeBytes, file_hash: Number(hash), due: toSecondsLeft(call, dueAt) });
  // The tag is JSON already: parsing it would cost more than the rest of the request.
  return `${fields.slice(0, -1)},"challenge":${challenge},"tag":${tag}}`;
}

/** Seconds of real time until a deadline, whatever the rate of the node's clock. */
function toSecondsLeft({ node }: Call, dueAt: number): number {
  return (dueAt - node.now()) / 1000 / node.timeScale();
}
