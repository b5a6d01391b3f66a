import { get } from 'node:http';

/**
 * The image's health check. It exits with 0 if the node can be used. It calls the control port, so
 * that a node with a fault that refuses connections stays healthy. It runs every few seconds and imports no packages.
 */
const control = process.env['MOCK_CONTROL_PORT'] || '5001';
const where =
  control === 'off'
    ? { port: process.env['MOCK_PORT'] || '5000', path: '/healthz' }
    : { port: control, path: '/__admin/health/ready' };
get({ host: '127.0.0.1', ...where, timeout: 3_000 }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
