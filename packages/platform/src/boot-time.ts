import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** A moment on the clock that starts with the machine. Unlike the system clock, it cannot be set. */
export interface BootTime {
  /** Differs after each start of the machine. */
  readonly bootId: string;
  /** Time since the start, including suspensions. */
  readonly uptimeMs: number;
}

/** @returns undefined on systems that do not identify a boot */
export function readBootTime(): BootTime | undefined {
  try {
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return bootId === '' ? undefined : { bootId, uptimeMs: uptime() * 1000 };
  } catch {
    return undefined;
  }
}

/** @returns the time between two moments, whatever the system clock showed; undefined if the machine was restarted */
export function measureElapsedMs(from: BootTime | undefined, to: BootTime | undefined): number | undefined {
  if (from === undefined || to === undefined || from.bootId !== to.bootId) return undefined;
  // Some container runtimes count the uptime from the start of the container.
  return to.uptimeMs < from.uptimeMs ? undefined : to.uptimeMs - from.uptimeMs;
}
