/** Wraps `work` so that concurrent calls share one run. On a disk that hangs, each further run would block a thread. */
export function shareCalls<T>(work: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return async () => {
    pending ??= work().finally(() => {
      pending = undefined;
    });
    return await pending;
  };
}
