import { stringify } from 'yaml';
import { getAt } from './place.ts';
import type { Json, JsonMap } from './template.ts';
import { foldValues, type Value } from './value.ts';

const MAX_COLUMNS = 120;

/** Renders values.yaml: each value's default below its description. */
export function renderValuesFile(values: readonly Value[], base: JsonMap): string {
  const paragraphs = foldValues<string[]>(values, {
    value: (key, value) => [
      ...wrapComment(value.description),
      ...stringify({ [key]: findDefault(value, base) }, { lineWidth: 0 })
        .trimEnd()
        .split('\n'),
    ],
    group: (key, members) => [`${key}:`, ...members.flat().map((line) => `  ${line}`)],
  });
  return paragraphs.map((lines) => `${lines.join('\n')}\n`).join('\n');
}

function findDefault({ name, default: value, place }: Value, base: JsonMap): Json {
  if (typeof value === 'function') return value(base);
  if (value !== undefined) return value;
  if (place === undefined) throw new Error(`${name} has no default`);
  return getAt(base, place);
}

/** Leaves space for the indentation of a group. */
function wrapComment(text: string): string[] {
  const lines = text.match(new RegExp(`\\S.{0,${MAX_COLUMNS - 6}}(?=\\s|$)`, 'g')) ?? [];
  return lines.map((line) => `# ${line}`);
}
