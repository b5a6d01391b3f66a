import type { EffectByKind } from '@downstream/control-api';
import { editEntries, editText } from './edit-body.ts';
import type { Violation } from './effect.ts';

const LITERALS: Readonly<Record<EffectByKind['wrong_due']['due'], string>> = {
  negative: '-1',
  huge: '1e300',
  nan: 'NaN',
  infinity: 'Infinity',
  text: '"soon"',
  null: 'null',
  list: '[1]',
  object: '{"seconds":1}',
  boolean: 'true',
};
/** Marks the places of the literal. No response contains it. */
const PLACE = '\u0000due';

export const wrongDue: Violation<'wrong_due'> =
  (handle, { contract, effect }) =>
  async (call) => {
    const marked = editEntries(await handle(call), contract, (entry) => [
      entry.due === undefined ? entry : { ...entry, due: PLACE },
    ]);
    return editText(marked, (text) => text.replaceAll(JSON.stringify(PLACE), LITERALS[effect.due]));
  };
