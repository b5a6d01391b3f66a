/**
 * Finds what only a shell would interpret. Environment files and container settings pass it on literally, and the path
 * would name a new, empty directory.
 *
 * @returns a hint; undefined if the path is plausible
 */
export function findPathMistake(path: string): string | undefined {
  if (/^["'`“”‘’]|["'`“”‘’]$/u.test(path)) return 'remove the quotes';
  if (path.startsWith('~')) return '~ is not expanded here: write the complete path';
  if (/\$[a-z_{(]/i.test(path)) return 'variables are not expanded here: write the complete path';
  if (/^[a-z][a-z\d+.-]+:\/\//i.test(path)) return 'write a path instead of a URL';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: such as the carriage return of a file from Windows
  if (/[\0-\x1f\x7f]/.test(path)) return 'remove line breaks and other control characters';
  if (path !== path.trim()) return 'remove the spaces around it';
  if (process.platform !== 'win32' && path.includes('\\')) return 'remove the backslashes';
  return undefined;
}
