import { CodedError, getErrorMessage } from '@downstream/platform';

/** What `downstream check` checks. */
export type CheckName = 'settings' | 'node' | 'clock' | 'folder' | 'state' | 'space' | 'port' | 'limits';

/** The result of one check. `warning`: the farmer starts, but not as it should. `error`: it does not start or farm. */
export interface Finding {
  readonly check: CheckName;
  readonly level: 'ok' | 'warning' | 'error';
  /** What was found, and what to do. */
  readonly message: string;
}

/** Creates the findings of one check. */
export const findingsOf = (check: CheckName) => ({
  ok: (message: string): Finding => ({ check, level: 'ok', message }),
  warning: (message: string): Finding => ({ check, level: 'warning', message }),
  error: (message: string): Finding => ({ check, level: 'error', message }),
});

/** Runs a check whose errors are findings. @throws whatever is not a `CodedError` */
export async function toFindings(check: CheckName, run: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return getErrorMessage(error)
      .split('\n')
      .map((line) => findingsOf(check).error(line));
  }
}
