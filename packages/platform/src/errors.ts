import { constants } from 'node:os';

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

/** Linux errors of disks that `os.constants` lacks. */
const OTHER_ERRNOS = { EUCLEAN: 117, ENOMEDIUM: 123 };
const CODES_BY_ERRNO = new Map(
  Object.entries({ ...constants.errno, ...OTHER_ERRNOS }).map(([code, errno]) => [errno, code]),
);

/** The `code` of a Node.js error or {@link CodedError}. Unlike other properties of such errors, it is safe to log. */
export function getErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  if (typeof error.code !== 'string') return undefined;
  // Node.js has no name for errors such as EDQUOT and ESTALE: the code is then "Unknown system error -122", or that of
  // a synchronous function "UNKNOWN".
  const [, text] = /^Unknown system error (-\d+)$/.exec(error.code) ?? [];
  const errno = text ?? (error.code === 'UNKNOWN' && 'errno' in error ? error.errno : undefined);
  return CODES_BY_ERRNO.get(-Number(errno)) ?? error.code;
}

export function getErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
