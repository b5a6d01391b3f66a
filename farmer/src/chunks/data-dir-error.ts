import { CodedError, getErrorCode, TimeoutError } from '@downstream/platform';

/** A configured directory cannot be used. The message says what to do. */
export class DataDirError extends CodedError<'inaccessible' | 'empty' | 'foreign' | 'state_lost' | 'duplicate'> {}

export function toDataDirError(error: unknown, path: string): DataDirError {
  if (error instanceof DataDirError) return error;
  const problem =
    error instanceof TimeoutError ? 'does not respond' : `is inaccessible (${getErrorCode(error) ?? 'unknown'})`;
  return new DataDirError(
    'inaccessible',
    `the data directory ${path} ${problem}: check FARMER_DATA_DIR, the disk and its mount, and the owner`,
  );
}
