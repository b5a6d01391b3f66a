import { diff } from 'node:util';

const MAX_DIFFERENCE = 0.4;

/**
 * Finds the known name that a misspelled one probably means. Upper and lower case, `_` and `-` count as equal.
 *
 * @returns undefined if no known name is similar
 */
export function findSimilarName(name: string, known: readonly string[]): string | undefined {
  const rated = known.map((other) => ({ other, difference: measureDifference(normalize(name), normalize(other)) }));
  const [best] = rated.toSorted((a, b) => a.difference - b.difference);
  return best !== undefined && best.difference <= MAX_DIFFERENCE ? best.other : undefined;
}

const normalize = (name: string): string => name.slice(0, 100).toLowerCase().replaceAll('_', '-');

/** The share of characters to insert or delete: 0 for equal texts, 1 for texts without a common character. */
function measureDifference(a: string, b: string): number {
  if (a === b) return 0;
  return diff(a, b).filter(([operation]) => operation !== 0).length / (a.length + b.length);
}
