import { get } from 'node:http';

/**
 * Health check of the container image: exits with 0 if `/healthz` responds with 200. It runs every few seconds, so it
 * imports as little as possible and reads its only setting itself.
 */
const port = process.env['FARMER_HTTP_PORT'] || '8080';
get({ host: '127.0.0.1', port, path: '/healthz', timeout: 3_000 }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
)
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
