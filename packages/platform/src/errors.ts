/** Facts about an error, for logs. Never a token, secret or URL. */
export type Details = Readonly<Record<string, string | number | boolean | undefined>>;

/** An error with a stable `code` for callers. `message` is for people and includes the remedy, if there is one. */
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

/** The `code` of a Node.js error or {@link CodedError}. Unlike other properties of such errors, it is safe to log. */
export function getErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function getErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
