import { isSelected } from '../../ledger/contract.ts';
import { editBody, editEntries } from './edit-body.ts';
import type { Violation } from './effect.ts';

export const duplicateChallenge: Violation<'duplicate_challenge'> =
  (handle, { contract }) =>
  async (call) => {
    const isDuplicated = ({ hash }: { readonly hash: string }) => contract === undefined || isSelected(hash, contract);
    const response = await handle(call);
    const { settled = [] } = call.node.ledger.getListing(call.params['token'] ?? '', call.now, 'digest') ?? {};
    const duplicated = editEntries(response, contract, (entry) => [entry, entry]);
    return editBody(duplicated, (body) => {
      const { all_contracts: all, due_contracts: listed } = body;
      if (all === undefined || listed === undefined) return body;
      const due = [...listed, ...settled.filter(isDuplicated)];
      return {
        all_contracts: [...all, ...all.filter(isDuplicated)],
        due_contracts: [...due, ...due.filter(isDuplicated)],
      };
    });
  };
