import { join } from 'node:path';
import { systemClock } from '@downstream/platform';
import type { CommandConfig } from '../config.ts';
import { ControlClient, ControlError } from '../control/control-client.ts';
import { CONTROL_SOCKET } from '../control/control-server.ts';
import { openStateReader, type StateReader } from '../state/state-reader.ts';

/** How often a command asks the farmer for its progress. */
export const POLL_INTERVAL_MS = 500;

export type Print = (line: string) => void;

function createClient({ dataDir }: CommandConfig): ControlClient {
  return new ControlClient(join(dataDir, CONTROL_SOCKET));
}

function isNotRunning(error: unknown): boolean {
  return error instanceof ControlError && error.code === 'not_running';
}

/** Connects a command that only a running farmer can perform. @param command as typed, for the error message */
export function requireFarmer(config: CommandConfig, command: string): Pick<ControlClient, 'ask'> {
  const client = createClient(config);
  return {
    ask: async (method, path, schema, body) => {
      try {
        return await client.ask(method, path, schema, body);
      } catch (error) {
        if (!isNotRunning(error)) throw error;
        throw new ControlError(
          'not_running',
          `${command} needs a running farmer, but none runs in ${config.dataDir}: start it, or pass its data directory with --data-dir (FARMER_DATA_DIR)`,
        );
      }
    },
  };
}

/** Asks the running farmer; reads the state in the data directory if none is running. */
export async function askOrRead<T>(
  config: CommandConfig,
  { ask, read }: { ask: (client: ControlClient) => Promise<T>; read: (state: StateReader) => T | Promise<T> },
): Promise<T> {
  try {
    return await ask(createClient(config));
  } catch (error) {
    if (!isNotRunning(error)) throw error;
  }
  const state = openStateReader(config.dataDir, systemClock);
  if (state === undefined) {
    throw new ControlError(
      'not_running',
      `no farmer state in ${config.dataDir}: pass the farmer's data directory with --data-dir (FARMER_DATA_DIR)`,
    );
  }
  try {
    return await read(state);
  } finally {
    state.close();
  }
}
