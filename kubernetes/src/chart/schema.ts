import { foldValues, type Schema, type Value } from './value.ts';

/** Renders the JSON Schema of the values. It rejects unknown values. */
export function renderSchema(values: readonly Value[]): string {
  const entries = foldValues<[string, Schema]>(values, {
    value: (key, { schema, description }) => [key, { description, ...schema }],
    group: (key, members) => [key, closedObject(members)],
  });
  const schema = { $schema: 'http://json-schema.org/draft-07/schema#', ...closedObject(entries) };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function closedObject(entries: readonly (readonly [string, Schema])[]): Schema {
  return { type: 'object', properties: Object.fromEntries(entries), additionalProperties: false };
}
