import { setTimeout as pause } from 'node:timers/promises';

const EXIT_GRACE_MS = 500;
const CHECK_INTERVAL_MS = 20;
/** Resource types of pending file system calls and of running worker threads. */
const DISK_RESOURCES = /^(FSReq|MessagePort$|Worker$)/;

/**
 * Ends the process with `code`. `process.exit` waits for all threads, but a thread never ends if its disk does not
 * respond. If a thread is still blocked after half a second, the process kills itself.
 */
export async function exit(code: number): Promise<never> {
  for (let waitedMs = 0; isBlockedByDisk(); waitedMs += CHECK_INTERVAL_MS) {
    if (waitedMs >= EXIT_GRACE_MS) {
      process.stderr.write('a disk does not respond: killing this process, because it cannot exit normally\n');
      process.kill(process.pid, 'SIGKILL');
    }
    await pause(CHECK_INTERVAL_MS);
  }
  process.exit(code);
}

function isBlockedByDisk(): boolean {
  return process.getActiveResourcesInfo().some((resource) => DISK_RESOURCES.test(resource));
}
