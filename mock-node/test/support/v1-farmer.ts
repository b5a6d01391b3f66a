import { randomio } from '@downstream/file-encryptor';
import { fileFromBytes, proveRequest } from '@downstream/heartbeat';
import { ADDRESS } from './mock-node.ts';

export const V1 = '/api/downstream/v1';
/** Small chunks with few challenges. */
export const V1_OPTIONS = { chunkSizesBytes: [2_000], preparedChunks: 2, challengesPerChunk: 8 };

// biome-ignore lint/suspicious/noExplicitAny: an independent client does not know the types of responses.
type Json = any;
type Get = (path: string, init?: RequestInit) => Promise<{ code: number; text: string; json: Json }>;

/** A farmer of the v1 API that registers and accepts `count` contracts. */
export async function createV1Farmer(get: Get, count = 1) {
  const { token, ...heartbeat } = (await get(`${V1}/new/${ADDRESS}`)).json;
  const chunks = (await get(`${V1}/chunk/${token}/${count * 2_000}`)).json.chunks;
  const post = async (route: string, body: unknown) =>
    await get(`${V1}/${route}/${token}`, { method: 'POST', body: JSON.stringify(body) });
  const prove = (id: number, challenge: unknown) => {
    const { seed, size, tag } = chunks.find((chunk: Json) => chunk.file_hash === id);
    const chunk = fileFromBytes(Buffer.concat([...randomio(seed, size)]));
    return { file_hash: id, proof: proveRequest({ ...heartbeat, tag, challenge }, chunk).proof };
  };
  return {
    token,
    chunks,
    heartbeat,
    prove,
    ids: chunks.map((chunk: Json) => chunk.file_hash) as number[],
    challenges: async (...hashes: unknown[]): Promise<Json[]> => (await post('challenge', { hashes })).json.challenges,
    /** All contracts that the node lists. */
    list: async (): Promise<Json[]> => (await get(`${V1}/challenge/${token}`)).json.challenges,
    /** Answers the challenges of the contracts, as they were received. */
    answer: async (...received: { file_hash: number; challenge: unknown }[]): Promise<Json[]> =>
      (await post('answer', { proofs: received.map(({ file_hash: id, challenge }) => prove(id, challenge)) })).json
        .report,
    post,
  };
}
