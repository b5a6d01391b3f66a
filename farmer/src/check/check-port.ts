import { ListenError, listen } from '@downstream/platform';
import type { FarmerConfig } from '../config.ts';
import { type Finding, findingsOf } from './finding.ts';

const TIMEOUT_MS = 3_000;

/**
 * Checks that the farmer can listen on its port: listens for a moment.
 *
 * @param isRunning whether the farmer of this data directory is running, and may have the port
 */
export async function checkPort(
  { httpHost: host, httpPort: port, alias, address }: Pick<FarmerConfig, 'httpHost' | 'httpPort' | 'alias' | 'address'>,
  isRunning: boolean,
): Promise<Finding> {
  const { ok, error } = findingsOf('port');
  if (port === 0) return ok('the farmer selects a free port');
  try {
    const server = await listen(() => {}, { host, port, setting: 'FARMER_HTTP_PORT' });
    await server.close();
    return ok(`port ${port} on ${host} is free`);
  } catch (failure) {
    if (!(failure instanceof ListenError)) throw failure;
    const isOwn =
      isRunning && failure.code === 'port_in_use' && (await servesFarmer({ host, port }, { alias, address }));
    return isOwn ? ok(`port ${port} on ${host} is in use by this farmer`) : error(failure.message);
  }
}

async function servesFarmer(
  { host, port }: { host: string; port: number },
  expected: Pick<FarmerConfig, 'alias' | 'address'>,
): Promise<boolean> {
  const name = { '0.0.0.0': '127.0.0.1', '::': '[::1]' }[host] ?? (host.includes(':') ? `[${host}]` : host);
  try {
    const response = await fetch(`http://${name}:${port}/status`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const { alias, address } = Object(await response.json());
    return alias === expected.alias && address === expected.address;
  } catch {
    return false;
  }
}
