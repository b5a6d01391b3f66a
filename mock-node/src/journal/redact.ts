/** So much of a token is shown: enough to tell farmers apart, too little to be one. */
const VISIBLE_CHARS = 6;

/** The beginning of a token, secret or response, by which it can be told from others but not used. */
export function shorten(text: string): string {
  return text.slice(0, VISIBLE_CHARS);
}

/**
 * A path or a body with tokens, secrets and responses shortened.
 *
 * @param most so many of its characters are kept: what was cut off may have been the rest of a secret
 */
export function redactSecrets(text: string, most: number): string {
  const isCut = text.length > most;
  return text
    .slice(0, most)
    .replace(
      /("(?:token|secret|response)"\s*:\s*")([^"]*)/g,
      (_, before: string, value: string) => before + marked(value),
    )
    .replace(isCut ? /[0-9a-f]{32,}|[0-9a-f]+$/gi : /[0-9a-f]{32,}/gi, (value) =>
      value.length === 64 ? value : marked(value),
    );
}

/** A path's parameter that is secret. */
export function marked(value: string): string {
  return value.length > VISIBLE_CHARS ? `${shorten(value)}…` : value;
}
