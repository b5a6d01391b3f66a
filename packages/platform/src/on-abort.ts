/** Who waits for a signal. Node.js goes through all listeners of a signal whenever one is added: of these it has one. */
const WAITING = new WeakMap<AbortSignal, Waiting>();

interface Waiting {
  readonly listeners: Set<() => void>;
  readonly wake: () => void;
}

/**
 * Calls `listener` once when the signal is aborted; costs the same however many wait for the same signal.
 *
 * @returns what makes it forget the listener
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const { listeners, wake } = WAITING.get(signal) ?? listenTo(signal);
  // One of its own: the same function may wait twice.
  const own = () => listener();
  listeners.add(own);
  return () => {
    listeners.delete(own);
    if (listeners.size > 0) return;
    signal.removeEventListener('abort', wake);
    WAITING.delete(signal);
  };
}

function listenTo(signal: AbortSignal): Waiting {
  const listeners = new Set<() => void>();
  const wake = () => {
    for (const listener of listeners) listener();
  };
  const waiting = { listeners, wake };
  WAITING.set(signal, waiting);
  signal.addEventListener('abort', wake, { once: true });
  return waiting;
}
