/**
 * A terminal that was closed, a reader that went away (`| head`), or a log file on a full disk ends no program: what can't be
 * written is lost, and what comes later is written again where it can be. To be called once, before anything is written.
 */
export function ignoreOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
