import type { CommandConfig } from '../config.ts';
import { backupReport } from '../control/reports.ts';
import { askOrRead, type Print } from './running-farmer.ts';

/** `downstream backup FILE`: writes a consistent copy of the state, whether or not the farmer is running. */
export async function backup(config: CommandConfig, path: string, print: Print): Promise<number> {
  const { bytes } = await askOrRead(config, {
    ask: async (client) => await client.ask('POST', '/backup', backupReport, { path }),
    read: async (state) => ({ path, bytes: await state.backup(path) }),
  });
  print(`${path}: ${bytes} bytes written. The backup contains tokens and secrets: protect it like a private key.`);
  return 0;
}
