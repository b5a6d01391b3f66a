import type { EffectByKind } from '@downstream/control-api';
import type { Damage } from './effect.ts';

const BLOCK_BYTES = 64 * 1024;
/** What is repeated, and what ends the last repetition. */
const SHAPES: Readonly<Record<EffectByKind['amplify']['shape'], readonly [repeated: string, last: string]>> = {
  numbers: ['0,', '0'],
  objects: ['{},', '{}'],
  nesting: ['[', ''],
  text: ['x', ''],
};

/** Replaces the value of each field with a list. */
export const amplify: Damage<'amplify'> = (response, { effect }) => {
  const fields = Object.keys(JSON.parse(String(response.body)));
  return { ...response, body: createLists(fields, effect) };
};

function* createLists(fields: readonly string[], { shape, bytes }: EffectByKind['amplify']): Generator<Buffer> {
  const [repeated, last] = SHAPES[shape];
  const block = Buffer.from(repeated.repeat(Math.floor(BLOCK_BYTES / repeated.length)));
  const [open, close] = shape === 'text' ? ['["', '"]'] : ['[', ']'];
  for (const [at, name] of fields.entries()) {
    yield Buffer.from(`${at === 0 ? '{' : ','}${JSON.stringify(name)}:${open}`);
    for (let left = bytes / fields.length; left > 0; left -= block.length) yield block;
    yield Buffer.from(`${last}${close}`);
  }
  yield Buffer.from('}');
}
