import type { Violation } from './effect.ts';

export const wrongHash: Violation<'wrong_hash'> = (handle) => (call) => {
  const { newContracts, random } = call.node;
  const generateChunk = async (secret: string) => {
    const chunk = await newContracts.generateChunk(secret);
    return { ...chunk, fileHash: random.fakeHash(chunk.fileHash) };
  };
  return handle({ ...call, node: { ...call.node, newContracts: { ...newContracts, generateChunk } } });
};
