import { type Problem, problem } from './views.ts';

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

/** `failed`: another HTTP status. `unreachable`: no response. `invalid_response`: not a response of the control API. */
export type ControlErrorCode = (typeof CODES)[keyof typeof CODES] | 'failed' | 'unreachable' | 'invalid_response';

/** A call of the control API failed. `code` is stable; `message` is for people. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: ControlErrorCode;
  /** Undefined if there was no response. */
  readonly status: number | undefined;
  readonly errors: NonNullable<Problem['errors']>;
  /** The number of matching requests when a wait timed out. */
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

  /** The error of a response with an unexpected status. */
  static fromResponse(status: number, body: unknown): ControlError {
    const parsed = problem.safeParse(body);
    const code = Object.entries(CODES).find(([known]) => Number(known) === status)?.[1] ?? 'failed';
    if (!parsed.success) return new ControlError(code, `the control API responded with HTTP ${status}`, { status });
    const { message, errors, count } = parsed.data;
    const details = (errors ?? []).map(({ pointer, message }) => `${pointer || '/'}: ${message}`);
    return new ControlError(code, [message, ...details].join('\n'), {
      status,
      ...(errors && { errors }),
      ...(count !== undefined && { count }),
    });
  }
}
