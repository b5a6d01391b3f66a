import { createReadStream, existsSync } from 'node:fs';
import { prepareDataDir } from '../chunks/data-dir.ts';
import { readMarker } from '../chunks/disk-marker.ts';
import type { CommandConfig } from '../config.ts';
import { ControlError } from '../control/control-client.ts';
import { type BackupSource, restoreBackup } from '../state/restore.ts';
import { isFarmerRunning, type Print } from './running-farmer.ts';

export interface RestoreOptions {
  /** The path of the backup; undefined for standard input. */
  readonly path: string | undefined;
  /** Accepts a missing or empty data directory. */
  readonly init: boolean;
}

/**
 * `downstream restore FILE`: restores the state of a farmer that is not running.
 *
 * @throws ControlError, DataDirError, StateError
 */
export async function restore(config: CommandConfig, { path, init }: RestoreOptions, print: Print): Promise<number> {
  const { dataDir } = config;
  if (await isFarmerRunning(config)) {
    throw new ControlError('rejected', `a farmer is running in ${dataDir}: stop it before you restore its state`);
  }
  const source = path === undefined ? createInputSource() : createFileSource(path);
  await prepareDataDir(dataDir, { init });
  const marker = await readMarker(dataDir);
  const { contracts, nodes, address } = await restoreBackup(dataDir, source, { farmId: marker?.farm });
  print(`restored ${contracts} contracts of ${nodes.join(', ')} with the payout address ${address}`);
  print('start the farmer: it rebuilds missing chunks, and releases contracts that were accepted after the backup');
  return 0;
}

function createFileSource(path: string): BackupSource {
  const log = `${path}-wal`;
  return {
    name: path,
    open: () => createReadStream(path),
    // A state that was copied while its farmer was not stopped cleanly.
    openLog: existsSync(log) ? () => createReadStream(log) : undefined,
  };
}

function createInputSource(): BackupSource {
  if (process.stdin.isTTY) {
    throw new ControlError('rejected', 'standard input is a terminal: redirect a backup to it, or pass a file');
  }
  return { name: 'standard input', open: () => process.stdin };
}
