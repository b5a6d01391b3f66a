import { get } from 'node:http';

/**
 * The image's health check: exits 0 when the node in this container answers. It runs every few seconds for months, so it
 * loads nothing but what it needs, and reads the one variable that it needs by itself.
 */
const port = process.env['MOCK_PORT'] || '5000';
get({ host: '127.0.0.1', port, path: '/healthz', timeout: 3_000 }, ({ statusCode }) =>
  process.exit(statusCode === 200 ? 0 : 1),
)
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
