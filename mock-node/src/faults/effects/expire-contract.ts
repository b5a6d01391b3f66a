import type { Violation } from './effect.ts';

export const expireContract: Violation<'expire_contract'> =
  (handle, { contract }) =>
  (call) => {
    const { ledger } = call.node;
    const { token = '', hash = ledger.findFirst(token, contract, call.now) } = call.params;
    if (hash !== undefined) ledger.expire(hash, call.now);
    return handle(call);
  };
