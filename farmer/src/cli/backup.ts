import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '@downstream/platform';
import { createProbeName } from '../chunks/folder-probe.ts';
import type { CommandConfig } from '../config.ts';
import { type BackupReport, backupReport } from '../control/reports.ts';
import { askOrRead, type Print, type Write } from './running-farmer.ts';

/** The backup could not be written to standard output. */
class BackupOutputError extends CodedError<'terminal' | 'incomplete'> {}

/** `downstream backup FILE`: writes a consistent copy of the state, whether or not the farmer is running. */
export async function backup(config: CommandConfig, path: string, print: Print): Promise<number> {
  const { bytes } = await writeBackup(config, path);
  print(`${path}: ${bytes} bytes written. The backup contains tokens and secrets: protect it like a private key.`);
  return 0;
}

/** `downstream backup -`: writes the copy to standard output. @throws BackupOutputError */
export async function backupToOutput(
  config: CommandConfig,
  { write, isTerminal }: { readonly write: Write; readonly isTerminal: boolean },
): Promise<number> {
  if (isTerminal) throw new BackupOutputError('terminal', 'standard output is a terminal: redirect it to a file');
  // If this process is killed, the next start of the farmer deletes the file.
  const path = join(config.dataDir, `${createProbeName()}.backup`);
  await writeBackup(config, path);
  await using file = await open(path);
  await rm(path);
  for await (const piece of file.createReadStream({ autoClose: false })) {
    if (!(await write(piece)))
      throw new BackupOutputError('incomplete', 'standard output accepts nothing more: the backup is incomplete');
  }
  return 0;
}

async function writeBackup(config: CommandConfig, path: string): Promise<BackupReport> {
  return await askOrRead(config, {
    ask: async (client) => await client.ask('POST', '/backup', backupReport, { path }),
    read: async (state) => ({ path, bytes: await state.backup(path) }),
  });
}
