import type { NodeServices } from '../../api/handler.ts';
import type { Violation } from './effect.ts';

/** No response to a challenge looks like this. */
const WRONG_ANSWER = 'rejected';

function rejectProofs({ heartbeat }: NodeServices): NodeServices['heartbeat'] {
  return {
    getPublic: async () => await heartbeat.getPublic(),
    verify: async (proofs) => proofs.map(() => 'invalid'),
  };
}

export const rejectAnswer: Violation<'reject_answer'> = (handle) => (call) => {
  const { params, node, now } = call;
  if (params['hash'] === undefined) return handle({ ...call, node: { ...node, heartbeat: rejectProofs(node) } });
  const isDue = node.ledger.findContract(params['hash'] ?? '', now)?.state === 'due';
  return handle(isDue ? { ...call, params: { ...params, response: WRONG_ANSWER } } : call);
};
