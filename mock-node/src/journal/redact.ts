/** Enough of a token to distinguish farmers, and too little to use it. */
const VISIBLE_CHARS = 6;

export function truncateToken(token: string): string {
  return token.slice(0, VISIBLE_CHARS);
}

/** The beginning of a secret value, with `…` in place of the rest. */
export function abbreviate(value: string): string {
  return value.length > VISIBLE_CHARS ? `${value.slice(0, VISIBLE_CHARS)}…` : value;
}

/**
 * Shortens tokens, secrets and responses in a path or a body.
 *
 * @param maxChars the text is cut after this many characters. A hex string at the cut may be the beginning of a secret.
 */
export function redactSecrets(text: string, maxChars: number): string {
  const isCut = text.length > maxChars;
  return text
    .slice(0, maxChars)
    .replace(
      /("(?:token|secret|response|signature)"\s*:\s*")([^"]*)/g,
      (_, before: string, value: string) => before + abbreviate(value),
    )
    .replace(isCut ? /[0-9a-f]{32,}|[0-9a-f]+$/gi : /[0-9a-f]{32,}/gi, (value) =>
      value.length === 64 ? value : abbreviate(value),
    );
}
