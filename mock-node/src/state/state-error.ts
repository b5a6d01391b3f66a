import { CodedError, getErrorCode, getErrorMessage } from '@downstream/platform';

/** The file of MOCK_STATE can't be used; the message says what to do. */
export class StateError extends CodedError<'locked' | 'unwritable' | 'unusable' | 'other_seed' | 'other_genesis'> {}

/** SQLite's primary result codes; extended ones have them in their low byte. */
const LOCKED: readonly number[] = [5, 6];
const NOT_WRITABLE: readonly number[] = [3, 8, 10, 13, 14];

/** What went wrong with a state file, in words for whoever set it. */
export function toStateError(error: unknown, path: string): StateError {
  if (error instanceof StateError) return error;
  const file = `MOCK_STATE is ${JSON.stringify(path)}`;
  const errcode = typeof error === 'object' && error !== null && 'errcode' in error ? Number(error.errcode) & 0xff : 0;
  const options = { cause: error };
  if (LOCKED.includes(errcode))
    return new StateError('locked', `${file}: another mock node runs on it: stop that one, or give another file`);
  const systemCode =
    typeof error === 'object' && error !== null && 'syscall' in error ? getErrorCode(error) : undefined;
  if (NOT_WRITABLE.includes(errcode) || systemCode !== undefined)
    return new StateError(
      'unwritable',
      `${file}: it can't be written (${systemCode ?? getErrorMessage(error)}): give a file in a folder that is there and can be written, on a disk with room`,
      {},
      options,
    );
  return new StateError(
    'unusable',
    `${file}: it can't be used (${getErrorMessage(error)}): give another file, or remove this one to begin anew`,
    {},
    options,
  );
}
