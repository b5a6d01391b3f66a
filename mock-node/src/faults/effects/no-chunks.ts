import type { Violation } from './effect.ts';

export const noChunks: Violation<'no_chunks'> = (handle) => (call) => {
  const newContracts = { ...call.node.newContracts, reserve: () => undefined };
  return handle({ ...call, node: { ...call.node, newContracts } });
};
