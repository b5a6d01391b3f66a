import { CodedError } from '@downstream/platform';
import { toDatabaseError } from '@downstream/platform/sqlite';

/** The file of MOCK_STATE cannot be used. The message contains the remedy. */
export class StateError extends CodedError<
  'locked' | 'unwritable' | 'unusable' | 'other_seed' | 'other_genesis' | 'other_scheme'
> {}

export function toStateError(error: unknown, path: string): StateError {
  if (error instanceof StateError) return error;
  const { code, message } = toDatabaseError(error);
  const file = `MOCK_STATE (${JSON.stringify(path)})`;
  const options = { cause: error };
  switch (code) {
    case 'locked':
      return new StateError('locked', `${file} is in use by another mock node: stop that one, or choose another file`);
    case 'unwritable':
    case 'full':
      return new StateError(
        'unwritable',
        `${file} cannot be written (${message}): choose a file in an existing, writable directory on a disk with free space`,
        {},
        options,
      );
    case 'not_a_file':
      return new StateError('unusable', `${file} cannot be used: ${message}; choose the path of a regular file`);
    case 'other_version':
      return new StateError('unusable', `${file} cannot be used: ${message}; run that version, or choose another file`);
    default:
      return new StateError(
        'unusable',
        `${file} cannot be used (${message}): choose another file, or delete this one to start over`,
        {},
        options,
      );
  }
}
