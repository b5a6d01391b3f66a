import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { inContext } from './commands.ts';

/**
 * Forwards a port of a pod to this computer while `use` runs. Network policies do not apply.
 *
 * @throws if kubectl cannot forward
 */
export async function withPortForward<T>(
  { namespace, pod, port }: { namespace: string; pod: string; port: number },
  use: (url: string) => Promise<T>,
): Promise<T> {
  const args = inContext(['--namespace', namespace, 'port-forward', `pod/${pod}`, `:${port}`]);
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  try {
    let errors = '';
    child.stderr.on('data', (data) => {
      errors += data;
    });
    for await (const line of createInterface(child.stdout)) {
      const [, localPort] = /^Forwarding from 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (localPort !== undefined) return await use(`http://127.0.0.1:${localPort}`);
    }
    throw new Error(`cannot reach port ${port} of ${pod}: ${errors.trim()}`);
  } finally {
    child.kill();
    await exited;
  }
}
