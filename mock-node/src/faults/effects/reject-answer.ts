import type { Violation } from './effect.ts';

/** No response to a challenge looks like this. */
const WRONG_ANSWER = 'rejected';

export const rejectAnswer: Violation<'reject_answer'> = (handle) => (call) => {
  const { params, node, now } = call;
  const isDue = node.ledger.findContract(params['hash'] ?? '', now)?.state === 'due';
  return handle(isDue ? { ...call, params: { ...params, response: WRONG_ANSWER } } : call);
};
