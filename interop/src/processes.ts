import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** User and system time of all threads. */
  readonly cpuMs: number;
  /** The most memory that was resident, with what the processes share counted for each. */
  readonly peakRssBytes: number;
}

/** The unit of times in /proc on all architectures that Node.js runs on. */
const MS_PER_TICK = 10;
const GROUP_FIELD = 2;
/** Of the process, and of its children that have ended. */
const TIME_FIELDS = [11, 12, 13, 14];

/** Reads what the processes of a group have used so far; undefined if the group has ended. Works on Linux only. */
export function readUsage(group: number): Usage | undefined {
  let usage: Usage | undefined;
  for (const id of readdirSync('/proc')) {
    if (!/^\d+$/.test(id)) continue;
    try {
      const fields = splitStat(readFileSync(`/proc/${id}/stat`, 'utf8'));
      if (Number(fields[GROUP_FIELD]) !== group) continue;
      const { cpuMs = 0, peakRssBytes = 0 } = usage ?? {};
      const ticks = TIME_FIELDS.reduce((sum, field) => sum + Number(fields[field]), 0);
      usage = {
        cpuMs: cpuMs + ticks * MS_PER_TICK,
        peakRssBytes: peakRssBytes + parsePeakRss(readFileSync(`/proc/${id}/status`, 'utf8')),
      };
    } catch {
      // The process has ended meanwhile.
    }
  }
  return usage;
}

/** Splits a line of /proc/…/stat after the program's name, which can contain spaces. */
export function splitStat(line: string): string[] {
  return line.slice(line.lastIndexOf(')') + 2).split(' ');
}

/** A process that has ended, but whose parent has not noticed, has no memory. */
export function parsePeakRss(status: string): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
