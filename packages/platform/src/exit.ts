import { setTimeout as pause } from 'node:timers/promises';

const PATIENCE_MS = 500;
const LOOK_EVERY_MS = 20;
/** What Node.js calls a file call that is under way, and a worker thread that has not ended. */
const HELD_BY_DISK = /^(FSReq|MessagePort$|Worker$)/;

/**
 * Ends this process with `code`. Node.js waits for its threads first, also for one that a disk which does not answer holds, for ever:
 * where one is not free within half a second this process is killed, which ends it whatever its threads do.
 */
export async function exit(code: number): Promise<never> {
  for (let waitedMs = 0; isHeld(); waitedMs += LOOK_EVERY_MS) {
    if (waitedMs >= PATIENCE_MS) {
      process.stderr.write('a disk does not answer: this process is killed, since its end would wait for it\n');
      process.kill(process.pid, 'SIGKILL');
    }
    await pause(LOOK_EVERY_MS);
  }
  process.exit(code);
}

function isHeld(): boolean {
  return process.getActiveResourcesInfo().some((resource) => HELD_BY_DISK.test(resource));
}
