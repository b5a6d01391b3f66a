import { join } from 'node:path';
import { systemClock } from '@downstream/platform';
import type { CommandConfig } from '../config.ts';
import { ControlClient, ControlError } from '../control/control-client.ts';
import { CONTROL_SOCKET } from '../control/control-server.ts';
import { statusReport } from '../control/reports.ts';
import { isStateLocked, openStateReader, type StateReader } from '../state/state-reader.ts';

/** How often a command asks the farmer for its progress. */
export const POLL_INTERVAL_MS = 500;

export type Print = (line: string) => void;
/** Writes to standard output and waits for its reader. @returns false if not everything could be written */
export type Write = (content: string | Uint8Array) => Promise<boolean>;

function createClient({ dataDir }: CommandConfig): ControlClient {
  return new ControlClient(join(dataDir, CONTROL_SOCKET));
}

function isNotRunning(error: unknown): boolean {
  return error instanceof ControlError && error.code === 'not_running';
}

/** Whether a farmer uses a data directory. */
export async function isFarmerRunning(config: CommandConfig): Promise<boolean> {
  try {
    await createClient(config).ask('GET', '/status', statusReport);
    return true;
  } catch (error) {
    return !isNotRunning(error) || isStateLocked(config.dataDir);
  }
}

/** Connects a command that only a running farmer can perform. @param command as typed, for the error message */
export function requireFarmer(config: CommandConfig, command: string): Pick<ControlClient, 'ask' | 'askForRows'> {
  const client = createClient(config);
  const explain = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw isNotRunning(error) ? createAbsentError(config, command) : error;
    }
  };
  return {
    ask: async (...request) => await explain(async () => await client.ask(...request)),
    askForRows: async (...request) => await explain(async () => await client.askForRows(...request)),
  };
}

/** Nothing listens on the control socket: either no farmer runs, or it could not create the socket. */
function createAbsentError({ dataDir }: CommandConfig, command: string): ControlError {
  return isStateLocked(dataDir)
    ? new ControlError(
        'not_running',
        `${command} cannot reach the farmer that runs in ${dataDir}: it is starting or stopping, or could not create ${CONTROL_SOCKET} (its log says why: control socket unavailable)`,
      )
    : new ControlError(
        'not_running',
        `${command} needs a running farmer, but none runs in ${dataDir}: start it, or set FARMER_DATA_DIR to its data directory`,
      );
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
      `no farmer state in ${config.dataDir}: set FARMER_DATA_DIR to the farmer's data directory`,
    );
  }
  try {
    return await read(state);
  } finally {
    state.close();
  }
}
