import { V1_CONTRACT_ERRORS } from '@downstream/protocol';
import { editBody } from './edit-body.ts';
import type { Violation } from './effect.ts';

/** No node issues such numbers. */
const MAX_ID = 999_999_999_999;

/** Entries without a valid hash. */
const INVALID: readonly unknown[] = [null, 0, 'hash', [], {}, { hash: 7 }, { hash: '../x', challenge: '0.5' }];

/** Entries without a valid id, or with values of wrong types. */
const INVALID_V1: readonly unknown[] = [
  null,
  0,
  'id',
  [],
  {},
  { file_hash: null },
  { file_hash: 1.5, error: 'contract expired' },
  { file_hash: -1, error: 'contract expired' },
  { file_hash: '../x', error: 'contract expired' },
  { file_hash: 1, challenge: {}, due: -1, answered: false },
  { file_hash: 1, challenge: {}, due: 1e300, answered: false },
];

export const extraEntries: Violation<'extra_entries'> =
  (handle, { effect: { entries, count } }) =>
  async (call) =>
    editBody(await handle(call), (body) => {
      const { all_contracts: all, due_contracts: due, challenges } = body;
      const createEntries = (invalid: readonly unknown[], createUnknown: (n: number) => unknown) =>
        Array.from({ length: count }, (_, n) =>
          entries === 'unknown' ? createUnknown(n) : invalid[n % invalid.length],
        );
      if (challenges !== undefined) {
        const extra = createEntries(INVALID_V1, (n) => ({ file_hash: MAX_ID - n, error: V1_CONTRACT_ERRORS.unknown }));
        return { challenges: [...extra, ...challenges] };
      }
      if (all === undefined || due === undefined) return body;
      const extra = createEntries(INVALID, (n) => ({ hash: n.toString(16).padStart(64, '0') }));
      return { all_contracts: [...extra, ...all], due_contracts: entries === 'unknown' ? due : [...extra, ...due] };
    });
