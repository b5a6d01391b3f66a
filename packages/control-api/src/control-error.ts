import { type Problem, problem } from './views.ts';

/** What went wrong, by the reply's status; `unreachable` without one, `invalid_response` for one that is not understood. */
const CODES = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'unknown',
  408: 'timeout',
  409: 'conflict',
  413: 'too_large',
  503: 'unavailable',
} as const;

export type ControlErrorCode = (typeof CODES)[keyof typeof CODES] | 'failed' | 'unreachable' | 'invalid_response';

/** The control API refused what it was asked, or could not be asked. `code` is stable; `message` is for people. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: ControlErrorCode;
  /** The HTTP status, where there was a reply. */
  readonly status: number | undefined;
  /** Where in what was sent something is wrong. */
  readonly errors: NonNullable<Problem['errors']>;
  /** Of a wait whose time was up: how many requests there were. */
  readonly count: number | undefined;

  constructor(
    code: ControlErrorCode,
    message: string,
    { status, errors = [], count }: { status?: number } & Partial<Pick<Problem, 'errors' | 'count'>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = code;
    this.status = status;
    this.errors = errors;
    this.count = count;
  }

  /** The error that a reply of another status than the one hoped for is. */
  static of(status: number, body: unknown): ControlError {
    const parsed = problem.safeParse(body);
    const code = Object.entries(CODES).find(([known]) => Number(known) === status)?.[1] ?? 'failed';
    if (!parsed.success) return new ControlError(code, `the control API replied HTTP ${status}`, { status });
    const { message, errors, count } = parsed.data;
    const places = (errors ?? []).map(({ pointer, message }) => `${pointer || '/'}: ${message}`);
    return new ControlError(code, [message, ...places].join('\n'), {
      status,
      ...(errors && { errors }),
      ...(count !== undefined && { count }),
    });
  }
}
