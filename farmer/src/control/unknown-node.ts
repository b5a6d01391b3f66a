import { findSimilarName } from '@downstream/platform';

/** The error message for an alias that none of the farmer's nodes has. */
export function describeUnknownNode(alias: string, known: readonly string[]): string {
  const similar = findSimilarName(alias, known);
  const suggestion = similar === undefined ? '' : `did you mean ${similar}? `;
  return `unknown node ${alias}: ${suggestion}this farmer has ${known.join(', ')}`;
}
