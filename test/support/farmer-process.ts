import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Status } from '../../farmer/src/status/status.ts';
import { CHILD_ENV } from './child-env.ts';
import { until } from './test-farm.ts';

const MAIN = join(import.meta.dirname, '../../farmer/src/main.ts');
const STARTED = '"message":"farmer started"';

/** A farmer in its own process, with its signals and its output under the control of a test. */
export interface FarmerProcess extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Lines of standard output and standard error. While a stream of `child` is paused, it is not read. */
  readonly lines: readonly string[];
  readonly secrets: ReadonlySet<string>;
  metrics(): Promise<string>;
  status(): Promise<Status>;
}

/** Starts a farmer from source. @param env all of its settings @throws with its output if it does not start */
export async function startFarmerProcess(env: Record<string, string>): Promise<FarmerProcess> {
  const child = spawn(process.execPath, ['--conditions=downstream-source', MAIN], {
    env: { ...CHILD_ENV, FARMER_INIT: 'true', FARMER_LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', (line) => lines.push(line));
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    // A process that a test suspended would not handle a signal.
    child.kill('SIGCONT');
    child.kill('SIGTERM');
    await exited;
  };
  const hasStarted = () => lines.some((line) => line.includes(STARTED));
  await until(() => hasStarted() || child.exitCode !== null, Boolean);
  const line = lines.find((each) => each.includes(STARTED));
  if (line === undefined) throw new Error(`the farmer did not start: ${lines.join('\n')}`);
  const { http: url } = JSON.parse(line) as { http: string };
  return {
    url,
    child,
    lines,
    secrets: new Set(),
    metrics: async () => await (await fetch(`${url}/metrics`)).text(),
    status: async () => (await (await fetch(`${url}/status`)).json()) as Status,
    [Symbol.asyncDispose]: stop,
  };
}
