/**
 * Formats a value that was parsed from JSON. Equal values have the same text, whatever the order of their members and
 * the white space of the response: nodes may send the same challenge in another form after a restart.
 */
export function formatCanonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(formatCanonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${formatCanonicalJson(value[name])}`);
  return `{${members.join(',')}}`;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
