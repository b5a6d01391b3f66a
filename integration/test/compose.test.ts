import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { attemptDocker, docker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { farmerStatus, scrape } from '../src/scrape.ts';

const FILE = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const project = `downstream-integration-${randomBytes(4).toString('hex')}`;
const compose = ['compose', '--file', FILE, '--project-name', project];

/** Port 0: whichever is free. What the machine has set for services of its own stays out. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(FARMER|MOCK|COMPOSE)_/.test(name))),
  // Longer than a restart takes on a busy machine: what falls due meanwhile would rightly count as missed.
  MOCK_INTERVAL: '12',
  MOCK_PORT: '0',
  FARMER_METRICS_PORT: '0',
  FARMER_SIZE: '96MiB',
};

const run = async (...args: string[]) => await docker([...compose, ...args], { env, timeoutMs: 170_000 });

/** Asked for anew each time: a restart publishes the port elsewhere. */
const urlOf = async (service: string, port: string) => `http://${await run('port', service, port)}`;

const scrapeFarmer = async () => await scrape(await urlOf('farmer', '8080'));
const statusOfFarmer = async () => await farmerStatus(await urlOf('farmer', '8080'));

const morePasses = async (than: number) =>
  await eventually(
    'more passed challenges',
    scrapeFarmer,
    (seen) => seen.value('farmer_challenges_passed_total') > than,
  );

describe('docker-compose.yml', () => {
  afterAll(async () => {
    // Even when the test failed before its own: a project of a random name is nobody else's.
    await attemptDocker([...compose, 'down', '--volumes', '--rmi', 'local', '--timeout', '5'], { env });
  });

  it('brings up a healthy pair that farms, goes on after a restart, and goes without a trace', async () => {
    await run('up', '--build', '--wait').catch(async (error: unknown) => {
      const { stdout } = await attemptDocker([...compose, 'logs', '--no-color'], { env });
      throw new Error(`not up; what the services wrote:\n${stdout}`, { cause: error });
    });
    await morePasses(3);
    const filled = await eventually(
      'the farm to be filled',
      statusOfFarmer,
      ({ contracts }) => contracts.total === contracts.capacity && contracts.generating === 0,
    );
    expect(await run('port', 'farmer', '8080')).toMatch(/^127\.0\.0\.1:/);
    expect(await run('port', 'mock-node', '5000')).toMatch(/^127\.0\.0\.1:/);

    await run('restart', 'farmer');
    const metrics = await morePasses(3);
    expect(metrics.value('farmer_chunk_generation_duration_seconds_count')).toBe(0);
    expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
    expect(await statusOfFarmer()).toMatchObject({
      farmerId: filled.farmerId,
      contracts: { total: filled.contracts.total },
    });

    await run('down', '--volumes', '--rmi', 'local');
    const filter = ['--quiet', '--filter', `label=com.docker.compose.project=${project}`];
    expect(await docker(['ps', '--all', ...filter])).toBe('');
    expect(await docker(['network', 'ls', ...filter])).toBe('');
    expect(await docker(['volume', 'ls', ...filter])).toBe('');
  });
});
