import { get } from 'node:http';

/**
 * The image's health check: exits 0 when the node in this container is ready. It asks on the control port, which no
 * fault ever hits, unless that is off. It runs every few seconds for months, so it loads nothing but what it needs, and
 * reads the variables that it needs by itself.
 */
const control = process.env['MOCK_CONTROL_PORT'] || '5001';
const [port, path] =
  control === 'off' ? [process.env['MOCK_PORT'] || '5000', '/healthz'] : [control, '/__admin/health/ready'];
get({ host: '127.0.0.1', port, path, timeout: 3_000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
