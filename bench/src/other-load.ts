import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const TICKS_PER_SECOND = 100;

/**
 * Reports how many processors other processes kept busy during some work, since a figure that needs two free processors
 * means nothing without them. Time stolen by a hypervisor counts as other load.
 */
export async function reportOtherLoad<T>(work: () => Promise<T>): Promise<T> {
  const [startMs, busyBefore, ownBefore] = [performance.now(), getBusySeconds(), getOwnSeconds()];
  const value = await work();
  const otherSeconds = getBusySeconds() - busyBefore - (getOwnSeconds() - ownBefore);
  const otherCores = Math.max(0, otherSeconds / ((performance.now() - startMs) / 1000));
  console.error(`  load of other processes: ${otherCores.toFixed(2)} of ${cpus().length} processors`);
  return value;
}

/** Of all processors together. */
function getBusySeconds(): number {
  const ticks = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1, 9).map(Number);
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, softInterrupts = 0, stolen = 0] = ticks;
  return (user + nice + system + interrupts + softInterrupts + stolen) / TICKS_PER_SECOND;
}

function getOwnSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
