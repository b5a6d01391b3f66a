/** What an error was about: plain facts for a log line. Never a token, a secret or a URL. */
export type Details = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * An error that callers can switch on. `code` is stable and part of the contract; `message` is for people and
 * says what to do where something can be done.
 */
export class CodedError<Code extends string = string> extends Error {
  readonly code: Code;
  readonly details: Details;

  constructor(code: Code, message: string, details: Details = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }
}

/** The `code` of a Node.js or {@link CodedError}, or undefined: what may be logged of an error from elsewhere. */
export function getErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The error's message, whatever was thrown. */
export function getErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
