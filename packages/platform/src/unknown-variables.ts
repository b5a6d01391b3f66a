import type { Settings } from './setting.ts';
import { findSimilarName } from './similar-name.ts';

export interface UnknownVariable {
  readonly name: string;
  readonly didYouMean?: string;
}

/** Kubernetes and Docker set such variables for a service whose name starts with the prefix. */
const SERVICE_VARIABLE = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)/;
const SERVICE_ADDRESS = /^(tcp|udp|sctp):\/\//;

/**
 * Finds environment variables with the prefix of a service that are not its settings, and suggests similar ones.
 *
 * @param prefix `FARMER_`
 */
export function findUnknownVariables(
  table: Settings,
  prefix: string,
  env: Readonly<Record<string, string | undefined>>,
): UnknownVariable[] {
  const known = Object.values(table).map((setting) => setting.env);
  const isUnknown = (name: string) =>
    name.toUpperCase().startsWith(prefix) &&
    !known.includes(name) &&
    !SERVICE_VARIABLE.test(name) &&
    !SERVICE_ADDRESS.test(env[name] ?? '');
  const suggest = (name: string) => {
    const withoutPrefix = known.map((other) => other.slice(prefix.length));
    const similar = findSimilarName(name.slice(prefix.length), withoutPrefix);
    return similar === undefined ? { name } : { name, didYouMean: prefix + similar };
  };
  return Object.keys(env).filter(isUnknown).map(suggest);
}

/** Formats unknown variables as warnings for a terminal. */
export function formatUnknownVariables(variables: readonly UnknownVariable[]): string {
  return variables
    .map(({ name, didYouMean }) => {
      const remedy = didYouMean === undefined ? 'remove it' : `did you mean ${didYouMean}?`;
      return `warning: unknown environment variable ${name}: ${remedy}\n`;
    })
    .join('');
}
