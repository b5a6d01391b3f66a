import { describe, expect, it } from '@jest/globals';
import { docker, tryDocker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { IMAGES, LABEL_OPTIONS } from '../src/images.ts';
import { inTestBed } from '../src/test-bed.ts';

const ENV = {
  FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV',
  FARMER_NODE_URL: 'http://127.0.0.1:1',
  FARMER_DATA_DIR: '/data/a=64MiB,/data/b=64MiB',
  FARMER_INIT: 'true',
};
const HEALTH_CHECK = ['node', '/app/farmer/dist/healthcheck.js'];

/** Without an init process, signals reach only what handles them, and the process cannot kill itself. */
describe('A farmer that is the first process of its container', () => {
  it('is healthy at any address, and stops while a disk does not respond at the start', async () => {
    await inTestBed(async (bed) => {
      const volume = await bed.createVolume();
      const env = Object.entries(ENV).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
      const options = [...LABEL_OPTIONS, '--cap-drop', 'ALL', '--volume', `${volume}:/data`, ...env];
      const args = ['--http-host', '127.0.0.3', '--http-port', '9999'];
      const id = await docker(['create', ...options, IMAGES.farmer, ...args]);
      const countStarts = async () => (await docker(['logs', id])).split('farmer started').length - 1;
      const stop = async () => {
        await docker(['stop', '-t', '20', id]);
        return await docker(['inspect', '--format', '{{.State.ExitCode}}', id]);
      };
      const waitUntilHealthy = async () =>
        await eventually(
          'the health check to pass',
          async () => await tryDocker(['exec', id, ...HEALTH_CHECK]),
          ({ exitCode }) => exitCode === 0,
        );
      try {
        await docker(['start', id]);
        await waitUntilHealthy();
        await eventually('the start', countStarts, (starts) => starts === 1);
        expect(await stop()).toBe('0');

        // Opening a pipe without a writer blocks a thread, like a disk that does not respond.
        await bed.runOnVolume(volume, 'rm b/downstream.json; mkfifo -m 666 b/downstream.json');
        await docker(['start', id]);
        await waitUntilHealthy();
        expect(await stop()).toBe('0');
        expect(await countStarts()).toBe(1);
      } finally {
        await docker(['rm', '--force', id]);
      }
    });
  });
});
