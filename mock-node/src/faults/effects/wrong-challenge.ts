import { editBody } from './edit-body.ts';
import type { Violation } from './effect.ts';

export const wrongChallenge: Violation<'wrong_challenge'> =
  (handle, { contract = '' }) =>
  async (call) => {
    const { random } = call.node;
    const falsify = <T extends { readonly challenge?: string }>(hash: string, terms: T): T =>
      terms.challenge !== undefined && hash.startsWith(contract)
        ? { ...terms, challenge: random.fakeChallenge(terms.challenge) }
        : terms;
    return editBody(await handle(call), (body) =>
      body.due_contracts === undefined
        ? falsify(body.file_hash ?? '', body)
        : { ...body, due_contracts: body.due_contracts.map((listed) => falsify(listed.hash, listed)) },
    );
  };
