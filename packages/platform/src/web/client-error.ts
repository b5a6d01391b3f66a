import { CodedError } from '../errors.ts';

/**
 * The status of an error that Express throws for a malformed request, such as a path that cannot be decoded or a body
 * that is too long; undefined if the request is not to blame.
 */
export function getClientErrorStatus(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || error instanceof CodedError || !('status' in error))
    return undefined;
  const { status } = error;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined;
}
