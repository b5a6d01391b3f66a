import { constants } from 'node:os';
import { CodedError } from './errors.ts';
import { kill } from './exit.ts';

type StopSignal = 'SIGTERM' | 'SIGINT';

/** A signal requests the process to stop. */
export class StopRequest extends CodedError<'stop_requested'> {
  readonly signal: StopSignal;

  constructor(signal: StopSignal) {
    super('stop_requested', `stopped by ${signal}`, { signal });
    this.signal = signal;
  }

  /** The exit code of a command that a signal interrupts, as shells define it. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal];
  }
}

/** A terminal signals all of its processes, and a parent process may pass the signal on: both are one request. */
const REPEAT_MS = 500;

/**
 * Handles signals from now on. Call it before anything else is loaded: without a handler, the kernel discards signals
 * to the first process of a container. A second SIGTERM or SIGINT kills the process, unless it follows at once.
 *
 * SIGHUP is ignored, because Node.js resets what `nohup` has set, and a farm outlives the terminal that started it.
 *
 * @returns aborts with a {@link StopRequest} on the first SIGTERM or SIGINT
 */
export function handleSignals(): AbortSignal {
  const stop = new AbortController();
  let requestedAtMs = Number.POSITIVE_INFINITY;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (performance.now() - requestedAtMs >= REPEAT_MS) kill();
      if (stop.signal.aborted) return;
      requestedAtMs = performance.now();
      stop.abort(new StopRequest(signal));
    });
  }
  process.on('SIGHUP', () => {});
  return stop.signal;
}
