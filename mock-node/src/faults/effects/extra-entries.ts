import { editBody } from './edit-body.ts';
import type { Violation } from './effect.ts';

/** Entries without a valid hash. */
const INVALID: readonly unknown[] = [null, 0, 'hash', [], {}, { hash: 7 }, { hash: '../x', challenge: '0.5' }];

export const extraEntries: Violation<'extra_entries'> =
  (handle, { effect: { entries, count } }) =>
  async (call) =>
    editBody(await handle(call), (body) => {
      const { all_contracts: all, due_contracts: due } = body;
      if (all === undefined || due === undefined) return body;
      const extra = Array.from({ length: count }, (_, n) =>
        entries === 'unknown' ? { hash: n.toString(16).padStart(64, '0') } : INVALID[n % INVALID.length],
      );
      return { all_contracts: [...extra, ...all], due_contracts: entries === 'unknown' ? due : [...extra, ...due] };
    });
