import { get } from 'node:http';
import { readConfig } from './config.ts';

/** The image's health check: exits 0 when the node in this container answers. */
const { port } = readConfig();
get({ host: '127.0.0.1', port, path: '/healthz', timeout: 3_000 }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
)
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
