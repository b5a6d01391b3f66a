import { editBody } from './edit-body.ts';
import type { Violation } from './effect.ts';

export const duplicateChallenge: Violation<'duplicate_challenge'> =
  (handle, { contract = '' }) =>
  async (call) => {
    const isDuplicated = ({ hash }: { readonly hash: string }) => hash.startsWith(contract);
    const response = await handle(call);
    const { settled = [] } = call.node.ledger.getListing(call.params['token'] ?? '', call.now) ?? {};
    return editBody(response, (body) => {
      const { all_contracts: all, due_contracts: listed } = body;
      if (all === undefined || listed === undefined) return body;
      const due = [...listed, ...settled.filter(isDuplicated)];
      return {
        all_contracts: [...all, ...all.filter(isDuplicated)],
        due_contracts: [...due, ...due.filter(isDuplicated)],
      };
    });
  };
