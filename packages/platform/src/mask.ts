import type { Setting } from './setting.ts';

const MAX_SHOWN_CHARS = 100;

/** Formats a value for an error message: it may be invalid, or meant for another setting. */
export function formatValue(text: string, { sensitive }: Pick<Setting, 'sensitive'>): string {
  if (sensitive === 'all') return `a value of ${text.length} characters, which is not shown`;
  const mayBeUrl = sensitive !== undefined || /:\/\/|@/.test(text);
  const masked = mayBeUrl ? maskCredentials(text) : text;
  return JSON.stringify(masked.length > MAX_SHOWN_CHARS ? `${masked.slice(0, MAX_SHOWN_CHARS)}…` : masked);
}

/**
 * Masks whatever may be a user, a password or a token in a URL, or in a list of URLs: everything before the last `@`,
 * a port that is not a number, queries and fragments. The text need not be a valid URL, since it appears in errors.
 */
export function maskCredentials(text: string): string {
  return text
    .replace(/^(\w+:\/\/)?.*@/s, '$1***@')
    .replace(/([?#]).*$/s, '$1***')
    .replace(/\[[\da-f:.]*\]|:(?!\/\/|\d{1,5}(?![^/,=?#]))[^/,]+/gi, (part) => (part.startsWith('[') ? part : ':***'));
}

/** Removes values from an error message of the command-line parser: they may be misplaced passwords or tokens. */
export function maskUsageError(message: string): string {
  return message
    .replace(/(unknown option '[^'=]*=).*(')/s, '$1***$2')
    .replace(/(too many arguments.* but got \d+): .*\./s, '$1.');
}
