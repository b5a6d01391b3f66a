import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/**
 * Measures how busy everything but this process keeps the machine while some work is done: a figure that needs two free
 * processors means nothing where there is less than that. The time that a virtual machine is denied by its host counts.
 */
export async function measureOtherLoad<T>(work: () => Promise<T>): Promise<{ value: T; otherCores: number }> {
  const [start, busyBefore, ownBefore] = [performance.now(), busySeconds(), ownSeconds()];
  const value = await work();
  const others = busySeconds() - busyBefore - (ownSeconds() - ownBefore);
  return { value, otherCores: Math.max(0, others / ((performance.now() - start) / 1000)) };
}

/** Of all processors together. */
function busySeconds(): number {
  const ticks = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1, 9).map(Number);
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, stolen = 0] = ticks;
  return (user + nice + system + interrupts + softInterrupts + stolen) / TICKS_PER_SECOND;
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
