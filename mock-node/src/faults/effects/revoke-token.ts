import type { Violation } from './effect.ts';

export const revokeToken: Violation<'revoke_token'> = (handle) => (call) => {
  call.node.ledger.revoke(call.params['token'] ?? '');
  return handle(call);
};
