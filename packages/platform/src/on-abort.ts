/** Node.js scans all listeners of a signal whenever one is added, so each signal gets only one listener from here. */
const SUBSCRIPTIONS = new WeakMap<AbortSignal, Subscription>();

interface Subscription {
  readonly listeners: Set<() => void>;
  readonly notify: () => void;
}

/**
 * Calls `listener` when the signal aborts. Scales to thousands of listeners for the same signal.
 *
 * @returns a function that removes the listener
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const { listeners, notify } = SUBSCRIPTIONS.get(signal) ?? subscribe(signal);
  // A separate function, because the same listener may be added twice.
  const own = () => listener();
  listeners.add(own);
  return () => {
    listeners.delete(own);
    if (listeners.size > 0) return;
    signal.removeEventListener('abort', notify);
    SUBSCRIPTIONS.delete(signal);
  };
}

/** Resolves when the signal aborts. */
export async function waitForAbort(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await new Promise<void>((resolve) => onAbort(signal, resolve));
}

function subscribe(signal: AbortSignal): Subscription {
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of listeners) listener();
  };
  const subscription = { listeners, notify };
  SUBSCRIPTIONS.set(signal, subscription);
  signal.addEventListener('abort', notify, { once: true });
  return subscription;
}
