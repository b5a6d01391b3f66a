import { readFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

/**
 * Preloaded into a child process (`--import`): gives it the clocks of a machine that a test pauses, or whose system
 * clock it sets. The test writes a {@link ClockState} to the file in `TEST_CLOCK`.
 */
export interface ClockState {
  /** How far the system clock is ahead. */
  readonly wallMs: number;
  /** How long the machine was paused: no clock but the system clock includes this time. */
  readonly pausedMs: number;
}

const READ_INTERVAL_MS = 20;
/** After a longer gap the process was suspended, so the state may have changed. */
const MAX_GAP_MS = 200;

const real = { wall: Date.now, monotonic: performance.now.bind(performance), uptime: os.uptime };
const path = process.env['TEST_CLOCK'];
let state: ClockState = { wallMs: 0, pausedMs: 0 };
let readAt = real.monotonic();

function readState(): void {
  readAt = real.monotonic();
  if (path !== undefined) state = JSON.parse(readFileSync(path, 'utf8'));
}

function current(): ClockState {
  if (real.monotonic() - readAt > MAX_GAP_MS) readState();
  return state;
}

if (path !== undefined) {
  readState();
  setInterval(readState, READ_INTERVAL_MS).unref();
  Date.now = () => real.wall() + current().wallMs;
  performance.now = () => real.monotonic() - current().pausedMs;
  os.uptime = () => real.uptime() - current().pausedMs / 1000;
  syncBuiltinESMExports();
}
