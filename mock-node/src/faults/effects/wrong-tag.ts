import type { Violation } from './effect.ts';

export const wrongTag: Violation<'wrong_tag'> = (handle) => (call) => {
  const { preparedChunks } = call.node;
  const take = async (sizeBytes: number) => {
    const [chunk, other] = await Promise.all([preparedChunks.take(sizeBytes), preparedChunks.take(sizeBytes)]);
    return { ...chunk, tag: other.tag };
  };
  const wrong = {
    start: () => preparedChunks.start(),
    findSize: (maxBytes: number) => preparedChunks.findSize(maxBytes),
    take,
  };
  return handle({ ...call, node: { ...call.node, preparedChunks: wrong } });
};
