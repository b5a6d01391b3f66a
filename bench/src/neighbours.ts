import { readFileSync } from 'node:fs';

const TICKS_A_SECOND = 100;

/**
 * Measures how busy everything but this process keeps the machine while some work is done: a figure that needs two free
 * processors means nothing where there is less than that. The time that a virtual machine is denied by its host counts.
 */
export async function amongNeighbours<T>(work: () => Promise<T>): Promise<{ value: T; neighbourCores: number }> {
  const [start, busyBefore, ownBefore] = [performance.now(), busySeconds(), ownSeconds()];
  const value = await work();
  const others = busySeconds() - busyBefore - (ownSeconds() - ownBefore);
  return { value, neighbourCores: Math.max(0, others / ((performance.now() - start) / 1000)) };
}

/** Of all processors together. */
function busySeconds(): number {
  const ticks = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1, 9).map(Number);
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, stolen = 0] = ticks;
  return (user + nice + system + interrupts + softInterrupts + stolen) / TICKS_A_SECOND;
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
