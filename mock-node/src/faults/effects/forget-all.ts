import type { Violation } from './effect.ts';

export const forgetAll: Violation<'forget_all'> = (handle) => (call) => {
  call.node.ledger.forget();
  return handle(call);
};
