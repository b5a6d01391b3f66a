import type { z } from 'zod';

/** An error at one place of a document. `pointer` is a JSON pointer (RFC 6901). */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

/** Converts a schema's issues to errors, with one for each unknown field. */
export function toFieldErrors(issues: readonly z.core.$ZodIssue[], at: readonly PropertyKey[] = []): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ pointer: toJsonPointer([...path, key]), message: 'unknown field' }));
    if (issue.code !== 'invalid_union' || issue.errors.length === 0)
      return [{ pointer: toJsonPointer(path), message: issue.message }];
    // The client meant the alternative that fails only in nested fields.
    const meant = issue.errors.find((form) => form.every((each) => each.path.length > 0));
    if (meant !== undefined) return toFieldErrors(meant, path);
    const message = issue.errors.flat().map((each) => each.message);
    return [{ pointer: toJsonPointer(path), message: message.join('; or ') }];
  });
}

function toJsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
