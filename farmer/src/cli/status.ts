import { setTimeout as pause } from 'node:timers/promises';
import type { CommandConfig } from '../config.ts';
import { ControlError } from '../control/control-client.ts';
import { statusReport, statusText } from '../control/reports.ts';
import { requireFarmer, type Write } from './running-farmer.ts';

export interface StatusOptions {
  readonly json: boolean;
  /** Repeats until the command is interrupted. */
  readonly watch: boolean;
}

/** A terminal, of which each status replaces the previous one. */
interface Screen {
  /** Its height in lines. */
  readonly rows: number;
}

const WATCH_INTERVAL_MS = 2_000;
const CURSOR_HOME = '\x1b[H';
const CLEAR_REST_OF_LINE = '\x1b[K';
const CLEAR_REST_OF_SCREEN = '\x1b[J';

interface StatusDeps {
  readonly write: Write;
  /** Undefined if the output is not a terminal. */
  readonly screen?: Screen | undefined;
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/**
 * `downstream status`: prints what the status page shows.
 *
 * @throws ControlError `not_running`
 */
export async function status(
  config: CommandConfig,
  { json, watch }: StatusOptions,
  { write, screen, sleep = pause }: StatusDeps,
): Promise<number> {
  const client = requireFarmer(config, 'downstream status');
  const read = async (): Promise<string> => {
    if (!json) return (await client.ask('GET', '/status/text', statusText)).text;
    const report = await client.ask('GET', '/status', statusReport);
    return `${JSON.stringify(report, null, watch ? undefined : 2)}\n`;
  };
  await write(show(await read()));
  while (watch) {
    await sleep(WATCH_INTERVAL_MS);
    await write(show(await read().catch(toMessage)));
  }
  return 0;

  function show(text: string): string {
    if (!watch || json) return text;
    return screen === undefined ? `${text}\n` : redraw(text, screen);
  }

  /** Watching goes on while the farmer is restarted. */
  function toMessage(error: unknown): string {
    if (!(error instanceof ControlError)) throw error;
    return json ? '' : `${error.message}\n`;
  }
}

/** Overwrites the screen, which therefore does not flicker. */
function redraw(text: string, { rows }: Screen): string {
  const lines = text
    .trimEnd()
    .split('\n')
    .slice(0, rows - 1);
  return `${CURSOR_HOME}${lines.map((line) => `${line}${CLEAR_REST_OF_LINE}\n`).join('')}${CLEAR_REST_OF_SCREEN}`;
}
