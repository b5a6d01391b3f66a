import { fetchStatus, findListeners } from '@downstream/platform/health-check';

/**
 * Health check of the container image: exits with 0 if the node can be used. It asks the control port, so that a node
 * with a fault that refuses connections stays healthy; without a control port, the port of the node API. It runs every
 * few seconds, so it imports as little as possible.
 *
 * Its argument is the process to check: by default the first one of the container.
 */
const addresses = findListeners(Number(process.argv[2] ?? 1));
const fetchAll = async (path: string) =>
  await Promise.all(addresses.map(async (address) => await fetchStatus(address, path)));

const NOT_FOUND = 404;
const control = (await fetchAll('/__admin/health/ready')).filter((status) => status !== NOT_FOUND);
const statuses = control.length > 0 ? control : await fetchAll('/healthz');
if (!statuses.includes(200)) {
  // Shown by `docker inspect`.
  const ports = addresses.map(({ host, port }) => `${host}:${port}`).join(', ');
  process.stdout.write(`not healthy (ports: ${ports || 'none'}; status: ${statuses.join(', ') || 'none'})\n`);
}
process.exit(statuses.includes(200) ? 0 : 1);
