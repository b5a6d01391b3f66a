import { setTimeout as pause } from 'node:timers/promises';

const EXIT_GRACE_MS = 500;
const CHECK_INTERVAL_MS = 20;
/** What Node.js calls a file call that is under way, and a worker thread that has not ended. */
const DISK_RESOURCES = /^(FSReq|MessagePort$|Worker$)/;

/**
 * Ends this process with `code`. Node.js waits for its threads first, also for one that a disk which does not answer holds, for ever:
 * where one is not free within half a second this process is killed, which ends it whatever its threads do.
 */
export async function exit(code: number): Promise<never> {
  for (let waitedMs = 0; isBlockedByDisk(); waitedMs += CHECK_INTERVAL_MS) {
    if (waitedMs >= EXIT_GRACE_MS) {
      process.stderr.write('a disk does not answer: this process is killed, since its end would wait for it\n');
      process.kill(process.pid, 'SIGKILL');
    }
    await pause(CHECK_INTERVAL_MS);
  }
  process.exit(code);
}

function isBlockedByDisk(): boolean {
  return process.getActiveResourcesInfo().some((resource) => DISK_RESOURCES.test(resource));
}
