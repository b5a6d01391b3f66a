import { flushCompileCache } from 'node:module';

const KILLED_EXIT_CODE = 137;

/**
 * Ends the process with `code`, without `exit` events. `process.exit` would wait for all threads, but a thread whose
 * disk or name server does not respond never ends. So the process replaces itself with one that only exits.
 */
export function exit(code: number): never {
  flushCompileCache();
  process.execve?.(process.execPath, [process.execPath, '--eval', `process.exit(${code})`], {});
  process.exit(code);
}

/**
 * Ends the process at once. The kernel ignores a SIGKILL that the first process of a container sends to itself: that
 * one exits as if it had been killed.
 */
export function kill(): never {
  process.kill(process.pid, 'SIGKILL');
  return exit(KILLED_EXIT_CODE);
}
