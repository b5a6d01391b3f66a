import { fetchStatus, findListeners } from '@downstream/platform/health-check';

/**
 * Health check of the container image: exits with 0 if `/healthz` responds with 200 where the farmer listens. It runs
 * every few seconds, so it imports as little as possible.
 *
 * Its argument is the process to check: by default the first one of the container.
 */
const addresses = findListeners(Number(process.argv[2] ?? 1));
const statuses = await Promise.all(addresses.map(async (address) => await fetchStatus(address, '/healthz')));
if (!statuses.includes(200)) {
  // Shown by `docker inspect`.
  const results = addresses.map(({ host, port }, at) => `${host}:${port}/healthz: ${statuses[at] ?? 'no response'}`);
  process.stdout.write(`${results.join('; ') || 'the farmer does not listen on any port'}\n`);
}
process.exit(statuses.includes(200) ? 0 : 1);
