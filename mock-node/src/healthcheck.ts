import { get } from 'node:http';

/**
 * The image's health check: exits 0 when the node in this container can be used. It asks the control port, which no fault
 * hits: a node that refuses connections because it was told to is well. It runs every few seconds for months, so it loads
 * nothing but what it needs, and reads the variables that it needs by itself.
 */
const control = process.env['MOCK_CONTROL_PORT'] || '5001';
const where =
  control === 'off'
    ? { port: process.env['MOCK_PORT'] || '5000', path: '/healthz' }
    : { port: control, path: '/__admin/health/ready' };
get({ host: '127.0.0.1', ...where, timeout: 3_000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
