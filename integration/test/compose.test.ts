import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { docker, tryDocker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { Prometheus } from '../src/prometheus.ts';
import { fetchFarmerStatus, json, scrape } from '../src/scrape.ts';

const FILE = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const project = `downstream-integration-${randomBytes(4).toString('hex')}`;
const compose = ['compose', '--file', FILE, '--project-name', project];

/** Port 0: whichever is free. What the machine has set for services of its own stays out. */
const env = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(FARMER|MOCK|COMPOSE|PROMETHEUS|GRAFANA)_/.test(name)),
  ),
  // Longer than a restart takes on a busy machine: what falls due meanwhile would rightly count as missed.
  MOCK_INTERVAL: '12',
  MOCK_PORT: '0',
  MOCK_CONTROL_PORT: '0',
  FARMER_METRICS_PORT: '0',
  PROMETHEUS_PORT: '0',
  GRAFANA_PORT: '0',
  FARMER_SIZE: '96MiB',
};

const PORTS = { farmer: '8080', 'mock-node': '5000', prometheus: '9090', grafana: '3000' };
type Name = keyof typeof PORTS;
const CONTROL_PORT = '5001';

const run = async (...args: string[]) => await docker([...compose, ...args], { env, timeoutMs: 170_000 });

/** Asked for anew each time: a restart publishes the port elsewhere. */
const urlOf = async (service: Name, port = PORTS[service]) => `http://${await run('port', service, port)}`;

const scrapeFarmer = async () => await scrape(await urlOf('farmer'));
const fetchStatus = async () => await fetchFarmerStatus(await urlOf('farmer'));
const prometheus = async () => new Prometheus(await urlOf('prometheus'));

const morePasses = async (than: number) =>
  await eventually(
    'more passed challenges',
    scrapeFarmer,
    (seen) => seen.value('farmer_challenges_passed_total') > than,
  );

interface ComposeService {
  readonly image?: string;
  readonly ports: readonly { readonly host_ip?: string }[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly healthcheck?: object;
}
const { services }: { services: Record<Name, ComposeService> } = JSON.parse(await run('config', '--format', 'json'));

const hasGrafana = await isImageAvailable(services.grafana.image ?? '');
if (!hasGrafana) {
  const line = '#'.repeat(100);
  process.stderr.write(
    `\n${line}\n#  NOT RUN: Grafana of docker-compose.yml: ${services.grafana.image} can't be pulled here, and nothing can stand in for it.\n${line}\n\n`,
  );
}
const started = (Object.keys(PORTS) as Name[]).filter((name) => name !== 'grafana' || hasGrafana);

/** Whether an image is on this machine, or its registry gives it. */
async function isImageAvailable(image: string): Promise<boolean> {
  return (
    (await tryDocker(['image', 'inspect', image])).exitCode === 0 ||
    (await tryDocker(['pull', '--quiet', image], { timeoutMs: 150_000 })).exitCode === 0
  );
}

describe('docker-compose.yml', () => {
  beforeAll(async () => {
    await run('up', '--build', '--wait', ...started).catch(async (error: unknown) => {
      const { stdout } = await tryDocker([...compose, 'logs', '--no-color'], { env });
      throw new Error(`not up; what the services wrote:\n${stdout}`, { cause: error });
    });
  }, 180_000);
  afterAll(async () => {
    // Even when a test failed before the last: a project of a random name is nobody else's.
    await tryDocker([...compose, 'down', '--volumes', '--rmi', 'local', '--timeout', '5'], { env });
  });

  it.each(Object.entries(services))(
    'gives %s nothing that it does not need, and shows it to this machine alone',
    (_, service) => {
      expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
      expect(new Set(service.ports.map(({ host_ip }) => host_ip))).toEqual(new Set(['127.0.0.1']));
      if (service.image !== undefined) expect(service.image).toMatch(/:v?\d+\.\d+\.\d+$/);
    },
  );

  it('publishes what runs on loopback', async () => {
    for (const name of started) expect(await run('port', name, PORTS[name])).toMatch(/^127\.0\.0\.1:/);
  });

  it('has a farmer that farms, and goes on after a restart', async () => {
    await morePasses(3);
    const filled = await eventually(
      'the farm to be filled',
      fetchStatus,
      ({ contracts }) => contracts.total === contracts.capacity && contracts.generating === 0,
    );
    await run('restart', 'farmer');
    const metrics = await morePasses(3);
    expect(metrics.value('farmer_chunk_generation_duration_seconds_count')).toBe(0);
    expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
    expect(await fetchStatus()).toMatchObject({
      nodes: filled.nodes.map(({ farmerId }) => ({ farmerId })),
      contracts: { total: filled.contracts.total },
    });
  });

  it('has a Prometheus that sees both, and reckons every rule without an error', async () => {
    const api = await prometheus();
    const targets = await eventually(
      'both targets to be up',
      async () => await api.targets(),
      (seen) => Object.values(seen).every((health) => health === 'up'),
    );
    expect(Object.keys(targets).sort()).toEqual(['farmer', 'mock-node']);
    const rules = await eventually(
      'every rule to be reckoned',
      async () => await api.rules(),
      (seen) => seen.length > 0 && seen.every(({ health }) => health !== 'unknown'),
    );
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(new Set(rules.map(({ type }) => type))).toEqual(new Set(['alerting', 'recording']));
    const [passed = 0] = await eventually(
      'passed challenges in Prometheus',
      async () => await api.query('sum(farmer_challenges_passed_total) > 0'),
      (seen) => seen.length === 1,
    );
    expect(passed).toBeGreaterThan(0);
    expect(await api.query('ALERTS{alertstate="firing"}')).toEqual([]);
  });

  it('has a mock node whose faults are switched on and off from this machine, as its file says, and seen by Prometheus', async () => {
    const text = readFileSync(FILE, 'utf8');
    const control = await urlOf('mock-node', CONTROL_PORT);
    const said = [...text.matchAll(/curl -X (\w+) http:\/\/127\.0\.0\.1:5001(\S+)/g)];
    const [on, off] = said.map(
      ([, method = '', path = '']) =>
        async () =>
          await fetch(control + path, { method }),
    );
    expect((await on?.())?.status).toBe(200);
    expect(await json<{ name: string }[]>(`${control}/__admin/faults`)).toContainEqual(
      expect.objectContaining({ name: 'flaky-reset' }),
    );
    const api = await prometheus();
    await eventually(
      'the faults in Prometheus',
      async () => await api.query('mock_node_faults_applied_total'),
      ({ length }) => length >= 4,
    );
    expect((await off?.())?.status).toBe(204);
    expect(await json(`${control}/__admin/faults`)).toEqual([]);
  });

  (hasGrafana ? it : it.skip)('has a Grafana with its datasource and dashboards, for whoever looks', async () => {
    const url = await urlOf('grafana');
    expect(await json(`${url}/api/health`)).toMatchObject({ database: 'ok' });
    expect(await json(`${url}/api/datasources/uid/prometheus/health`)).toMatchObject({ status: 'OK' });
    const dashboards = await eventually(
      'the dashboards to be provisioned',
      async () => await json<{ uid: string }[]>(`${url}/api/search?type=dash-db`),
      (seen) => seen.length >= 3,
    );
    expect(dashboards.map(({ uid }) => uid).sort()).toEqual([
      'downstream-farmer',
      'downstream-fleet',
      'downstream-mock-node',
    ]);
  });

  it('goes without a trace', async () => {
    await run('down', '--volumes', '--rmi', 'local');
    const filter = ['--quiet', '--filter', `label=com.docker.compose.project=${project}`];
    expect(await docker(['ps', '--all', ...filter])).toBe('');
    expect(await docker(['network', 'ls', ...filter])).toBe('');
    expect(await docker(['volume', 'ls', ...filter])).toBe('');
  });
});
