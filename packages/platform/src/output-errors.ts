/**
 * Keeps the process running when its output cannot be written, for example to a closed pipe or to a full disk. That
 * output is lost. Call it once, before writing anything.
 */
export function ignoreOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
