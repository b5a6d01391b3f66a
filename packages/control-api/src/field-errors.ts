import type { z } from 'zod';

/** Where in a document something is wrong, as a JSON pointer (RFC 6901), and what. */
export interface FieldError {
  readonly pointer: string;
  readonly message: string;
}

/** What a schema found, place by place: a field that is not known has its own. */
export function toFieldErrors(issues: readonly z.core.$ZodIssue[], at: readonly PropertyKey[] = []): FieldError[] {
  return issues.flatMap((issue): FieldError[] => {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ pointer: toJsonPointer([...path, key]), message: 'is not known' }));
    if (issue.code !== 'invalid_union' || issue.errors.length === 0)
      return [{ pointer: toJsonPointer(path), message: issue.message }];
    // Of several forms, the one that was meant is the one that goes wrong further inside.
    const meant = issue.errors.find((form) => form.every((each) => each.path.length > 0));
    if (meant !== undefined) return toFieldErrors(meant, path);
    const message = issue.errors.flat().map((each) => each.message);
    return [{ pointer: toJsonPointer(path), message: message.join('; or ') }];
  });
}

function toJsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
