import type { EffectByKind } from '@downstream/control-api';
import { editEntries } from './edit-body.ts';
import type { Violation } from './effect.ts';

const IDS: Readonly<Record<EffectByKind['wrong_id']['id'], (id: number) => unknown>> = {
  text: String,
  path: (id) => `../../${id}`,
  long_text: (id) => String(id).padEnd(100_000, 'x'),
  negative: (id) => -id,
  fraction: (id) => id + 0.5,
  huge: () => 1e300,
  boolean: () => true,
  null: () => null,
  list: (id) => [id],
  object: (id) => ({ id }),
};

export const wrongId: Violation<'wrong_id'> =
  (handle, { contract, effect }) =>
  async (call) =>
    editEntries(await handle(call), contract, (entry) => [
      { ...entry, file_hash: IDS[effect.id](Number(entry.file_hash)) },
    ]);
