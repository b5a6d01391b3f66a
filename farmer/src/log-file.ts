import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { getErrorCode, type LogOutput, type ProcessOutput, SettingsError } from '@downstream/platform';
import type { FarmerConfig } from './config.ts';

/** @returns undefined if none is configured @throws SettingsError if it cannot be opened */
export async function openLogFile(
  { logPath, logFormat = 'json' }: FarmerConfig,
  output: Pick<ProcessOutput, 'openFile'>,
): Promise<LogOutput | undefined> {
  if (logPath === undefined) return undefined;
  try {
    return { format: logFormat, stream: await output.openFile(logPath) };
  } catch (error) {
    throw createLogFileError(logPath, error);
  }
}

/** Checks whether the log file, or the directory of a missing one, can be written. @throws SettingsError */
export async function assertLogFileIsWritable({ logPath }: FarmerConfig): Promise<void> {
  if (logPath === undefined) return;
  try {
    await access(logPath, constants.W_OK).catch(async (error: unknown) => {
      if (getErrorCode(error) !== 'ENOENT') throw error;
      await access(dirname(logPath), constants.W_OK);
    });
  } catch (error) {
    throw createLogFileError(logPath, error);
  }
}

function createLogFileError(path: string, error: unknown): SettingsError {
  const code = getErrorCode(error) ?? 'unknown error';
  return new SettingsError([
    `FARMER_LOG_PATH: the log file ${path} cannot be opened (${code}): check the path and its permissions`,
  ]);
}
