import type { Problem } from '@downstream/control-api';
import { toFieldErrors } from '@downstream/control-api';
import { CodedError, type Logger } from '@downstream/platform';
import type { ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { FaultError } from '../faults/fault-plan.ts';
import { ClockError, ScenarioError } from '../node-controller.ts';

/** So much may a body have. */
export const BODY_BYTES = 1024 * 1024;

/** Why a request is refused, and how. */
export class RequestProblem extends Error {
  readonly status: number;
  readonly facts: Omit<Problem, 'status' | 'message'>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    { headers = {}, ...facts }: Omit<Problem, 'status' | 'message'> & { headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.status = status;
    this.facts = facts;
    this.headers = headers;
  }
}

type NodeError = FaultError | ScenarioError | ClockError;

/** What the errors of the node's parts are over HTTP. */
const STATUS_BY_CODE: Readonly<Record<NodeError['code'], number>> = {
  unknown: 404,
  exists: 409,
  too_many: 409,
  built_in: 409,
  too_far: 409,
  invalid_change: 400,
};

function toProblem(error: unknown): RequestProblem | undefined {
  if (error instanceof RequestProblem) return error;
  if (error instanceof FaultError || error instanceof ScenarioError || error instanceof ClockError) {
    const { cause } = error;
    const errors = cause instanceof z.ZodError ? { errors: toFieldErrors(cause.issues) } : {};
    return new RequestProblem(STATUS_BY_CODE[error.code], error.message, errors);
  }
  // What express throws where a request is none.
  const status = getHttpStatus(error);
  if (status === 413) return new RequestProblem(413, `a body may have ${BODY_BYTES} bytes`);
  return status !== undefined && status < 500 && error instanceof Error
    ? new RequestProblem(status, error.message)
    : undefined;
}

function getHttpStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || error instanceof CodedError || !('status' in error))
    return undefined;
  return typeof error.status === 'number' ? error.status : undefined;
}

/** Says what is wrong; what is wrong on this side goes into the log alone. */
export function failed(log: Pick<Logger, 'error'>): ErrorRequestHandler {
  return (error, { method, path }, response, _next) => {
    const problem = toProblem(error);
    if (problem === undefined) log.error('control request failed', { method, path: path.slice(0, 200), error });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, message, facts, headers } = problem ?? new RequestProblem(500, 'internal error');
    response
      .status(status)
      .set(headers)
      .json({ status: 'error', message, ...facts });
  };
}
