import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createEnvironments } from './start-environment.ts';

/**
 * `npm start`: runs a mock node and a farmer. Their data is deleted at the end, unless FARMER_DATA_DIR or `--data-dir`
 * is set. On Ctrl-C the farmer completes its answers, then the node exits.
 */
const root = join(import.meta.dirname, '..');
const args = process.argv.slice(2);

const folder = await mkdtemp(join(tmpdir(), 'downstream-'));
const environments = createEnvironments(process.env, { args, folder });
const node = spawn(process.execPath, [join(root, 'mock-node/dist/main.js')], {
  env: environments.node,
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
});
try {
  process.exitCode = await runFarmer(await readPorts(node));
} finally {
  if (node.exitCode === null) {
    node.kill('SIGTERM');
    await once(node, 'exit');
  }
  await rm(folder, { recursive: true, force: true });
}

async function runFarmer({ api, control }: Ports): Promise<number> {
  const command = ['--max-semi-space-size=4', join(root, 'farmer/bin/downstream.js'), ...args];
  const farmer = spawn(process.execPath, command, {
    env: { ...environments.farmer, FARMER_NODE_URL: `http://127.0.0.1:${api}` },
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // Only the farmer knows its port, and only after it holds it.
  farmer.once('message', ({ url }: FarmerReady) => {
    const lines = [
      `Farmer:    ${url} (metrics: ${url}/metrics)`,
      ...(control === undefined ? [] : [`Mock node: http://127.0.0.1:${control} (faults, clock, requests)`]),
      'Press Ctrl-C to stop both.',
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  });
  // On a terminal the farmer receives Ctrl-C itself; this process must outlive it.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => farmer.kill('SIGTERM'));
  const [code] = await once(farmer, 'exit');
  return typeof code === 'number' ? code : 1;
}

/** The message of `farmer/src/cli/run.ts` to its parent process. */
interface FarmerReady {
  readonly url: string;
}

interface Ports {
  readonly api: string;
  /** Undefined if the control API is off. */
  readonly control: string | undefined;
}

async function readPorts(child: ChildProcess): Promise<Ports> {
  if (child.stdout === null) throw new Error('the mock node has no output');
  for await (const line of createInterface(child.stdout)) {
    const [, api, control] = /^mock-node ready api=:(\d+)(?: control=:(\d+))?/.exec(line) ?? [];
    if (api !== undefined) return { api, control };
  }
  throw new Error('the mock node did not start');
}
