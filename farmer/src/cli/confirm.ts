import { createInterface } from 'node:readline/promises';
import { ControlError } from '../control/control-client.ts';

/**
 * Asks before a change that cannot be undone. A script has to pass `--yes` instead.
 *
 * @throws ControlError `rejected` without a terminal
 */
export async function confirm(command: string, question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new ControlError('rejected', `${command} needs a confirmation: run it in a terminal, or pass --yes`);
  }
  // Standard output may be a file.
  const line = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await line.question(`${question} Type yes to continue: `);
  line.close();
  return answer.trim() === 'yes';
}
