import type { Problem } from '@downstream/control-api';
import { toFieldErrors } from '@downstream/control-api';
import { getErrorMessage, type Logger } from '@downstream/platform';
import { getClientErrorStatus } from '@downstream/platform/web';
import type { ErrorRequestHandler } from 'express';
import { z } from 'zod';
import { FaultError } from '../faults/fault-plan.ts';
import { ClockError, ScenarioError } from '../node-controller.ts';
import { StateError } from '../state/state-error.ts';

export const MAX_BODY_BYTES = 1024 * 1024;
const MAX_ERRORS = 20;

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

const STATUS_BY_CODE: Readonly<Record<NodeError['code'], number>> = {
  unknown: 404,
  exists: 409,
  too_many: 409,
  built_in: 409,
  too_far: 409,
  invalid_change: 400,
};

/** @returns undefined for an error that is not the client's */
function toProblem(error: unknown): RequestProblem | undefined {
  if (error instanceof RequestProblem) return error;
  if (error instanceof StateError) return new RequestProblem(503, error.message);
  if (error instanceof FaultError || error instanceof ScenarioError || error instanceof ClockError) {
    const { cause } = error;
    const errors = cause instanceof z.ZodError ? { errors: toFieldErrors(cause.issues) } : {};
    return new RequestProblem(STATUS_BY_CODE[error.code], error.message, errors);
  }
  // Express throws errors with a status for malformed requests.
  const status = getClientErrorStatus(error);
  if (status === 413) return new RequestProblem(413, `the body exceeds ${MAX_BODY_BYTES} bytes`);
  return status === undefined ? undefined : new RequestProblem(status, getErrorMessage(error));
}

/** Responds with the client's errors, and logs all others. */
export function createErrorHandler(log: Pick<Logger, 'error'>): ErrorRequestHandler {
  return (error, { method, path }, response, _next) => {
    const problem = toProblem(error);
    if (problem === undefined) log.error('control request failed', { method, path: path.slice(0, 200), error });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, message, facts, headers } = problem ?? new RequestProblem(500, 'internal error');
    const errors = facts.errors?.slice(0, MAX_ERRORS);
    response
      .status(status)
      .set(headers)
      .json({ status: 'error', message, ...facts, ...(errors && { errors }) });
  };
}
