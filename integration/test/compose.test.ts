import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { docker, tryDocker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { resolveBaseImage, resolveImage } from '../src/pinned-images.ts';
import { Prometheus } from '../src/prometheus.ts';
import { fetchFarmerStatus, fetchJson, scrape } from '../src/scrape.ts';

const FILE = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));
const NODE_FILE = fileURLToPath(new URL('../../docker-compose.node.yml', import.meta.url));
const project = `downstream-integration-${randomBytes(4).toString('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'downstream-'));
/** Replaces pinned images that cannot be pulled. */
const OVERRIDE = join(folder, 'override.json');
const compose = ['compose', '--file', FILE, '--file', OVERRIDE, '--project-name', project];
writeFileSync(OVERRIDE, '{ "services": {} }');

/** Free ports, and none of the machine's own settings for these services. */
const env = {
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(FARMER|MOCK|COMPOSE|PROMETHEUS|GRAFANA)_/.test(name)),
  ),
  // Longer than a restart takes on a busy machine, so that no challenge is missed.
  MOCK_INTERVAL: '20',
  MOCK_PORT: '0',
  MOCK_CONTROL_PORT: '0',
  FARMER_METRICS_PORT: '0',
  PROMETHEUS_PORT: '0',
  GRAFANA_PORT: '0',
  FARMER_SIZE: '96MiB',
  // Another farmer on this machine may have the default name.
  FARMER_ALIAS: project,
};

const PORTS = { farmer: '8080', 'mock-node': '5000', prometheus: '9090', grafana: '3000' };
type Name = keyof typeof PORTS;
const CONTROL_PORT = '5001';

const run = async (...args: string[]) => await docker([...compose, ...args], { env, timeoutMs: 170_000 });

/** Read before each use: a restart publishes different host ports. */
const getUrl = async (service: Name, port = PORTS[service]) => `http://${await run('port', service, port)}`;

const scrapeFarmer = async () => await scrape(await getUrl('farmer'));
const fetchStatus = async () => await fetchFarmerStatus(await getUrl('farmer'));
const prometheus = async () => new Prometheus(await getUrl('prometheus'));

const waitForPasses = async (than: number) =>
  await eventually(
    'more passed challenges',
    scrapeFarmer,
    (seen) => seen.value('farmer_challenges_passed_total') > than,
  );

interface ComposeService {
  readonly container_name?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: object;
  readonly image?: string;
  readonly ports: readonly { readonly host_ip?: string }[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly healthcheck?: object;
}
type Services = Record<Name, ComposeService>;
const { services }: { services: Services } = JSON.parse(await run('config', '--format', 'json'));

const hasGrafana = await isImageAvailable(services.grafana.image ?? '');
if (!hasGrafana) {
  const line = '#'.repeat(100);
  process.stderr.write(
    `\n${line}\n#  NOT RUN: the Grafana tests, because ${services.grafana.image} cannot be pulled.\n${line}\n\n`,
  );
}
const started = (Object.keys(PORTS) as Name[]).filter((name) => name !== 'grafana' || hasGrafana);

async function isImageAvailable(image: string): Promise<boolean> {
  return (
    (await tryDocker(['image', 'inspect', image])).exitCode === 0 ||
    (await tryDocker(['pull', '--quiet', image], { timeoutMs: 150_000 })).exitCode === 0
  );
}

describe('docker-compose.yml', () => {
  beforeAll(async () => {
    const build = { args: { NODE_IMAGE: await resolveBaseImage() } };
    const prometheus = { image: await resolveImage(services.prometheus.image ?? '') };
    writeFileSync(OVERRIDE, JSON.stringify({ services: { farmer: { build }, 'mock-node': { build }, prometheus } }));
    await run('up', '--build', '--wait', ...started).catch(async (error: unknown) => {
      const { stdout } = await tryDocker([...compose, 'logs', '--no-color'], { env });
      throw new Error(`docker compose up failed; logs of the services:\n${stdout}`, { cause: error });
    });
  }, 180_000);
  afterAll(async () => {
    // Needed if a test failed before the last one.
    await tryDocker([...compose, 'down', '--volumes', '--rmi', 'local', '--timeout', '5'], { env });
    rmSync(folder, { recursive: true });
  });

  it.each(Object.entries(services))('restricts %s and publishes its ports on loopback only', (_, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(new Set(service.ports.map(({ host_ip }) => host_ip))).toEqual(new Set(['127.0.0.1']));
    if (service.image !== undefined) expect(service.image).toMatch(/:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$/);
  });

  it('publishes each started service on loopback', async () => {
    for (const name of started) expect(await run('port', name, PORTS[name])).toMatch(/^127\.0\.0\.1:/);
  });

  it('names the farmer as the commands of the guides do', async () => {
    expect(services.farmer).toMatchObject({ container_name: project, environment: { FARMER_ALIAS: project } });
    const command = ['compose', '--file', FILE, 'config', '--format', 'json'];
    const { FARMER_ALIAS: _, ...defaults } = env;
    expect(JSON.parse(await docker(command, { env: defaults })).services.farmer).toMatchObject({
      container_name: 'farmer',
      environment: { FARMER_ALIAS: 'farmer' },
    });
    expect(await fetchStatus()).toMatchObject({ alias: project });
  });

  it('runs the farmer without the mock node at the node of docker-compose.node.yml', async () => {
    const command = ['compose', '--file', FILE, '--file', NODE_FILE, 'config', '--format', 'json'];
    const node = { FARMER_NODE_URL: 'https://node.example', FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV' };
    const { services: withNode }: { services: Partial<Services> } = JSON.parse(
      await docker(command, { env: { ...env, ...node } }),
    );
    expect(Object.keys(withNode).sort()).toEqual(['farmer', 'grafana', 'prometheus']);
    expect(withNode.farmer).toMatchObject({ environment: { ...node, FARMER_INIT: 'false' } });
    expect(withNode.farmer?.depends_on).toBeUndefined();
    for (const name of Object.keys(node)) {
      const { stderr } = await tryDocker(command, { env: { ...env, ...node, [name]: '' } });
      expect(stderr).toContain(`set ${name} in .env`);
    }
  });

  it('runs a farmer that passes challenges, also after a restart', async () => {
    await waitForPasses(3);
    const filled = await eventually(
      'the farmer to use its capacity',
      fetchStatus,
      ({ contracts }) => contracts.total === contracts.capacity && contracts.generating === 0,
    );
    await run('restart', 'farmer');
    const metrics = await waitForPasses(3);
    expect(metrics.value('farmer_chunk_generation_duration_seconds_count')).toBe(0);
    expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
    expect(await fetchStatus()).toMatchObject({
      nodes: filled.nodes.map(({ farmerId }) => ({ farmerId })),
      contracts: { total: filled.contracts.total },
    });
  });

  it('runs a Prometheus that scrapes both services and evaluates every rule without an error', async () => {
    const api = await prometheus();
    const targets = await eventually(
      'both targets to be up',
      async () => await api.targets(),
      (seen) => Object.values(seen).every((health) => health === 'up'),
    );
    expect(Object.keys(targets).sort()).toEqual(['farmer', 'mock-node']);
    expect(await api.query('up{job="farmer", instance="farmer"}')).toEqual([1]);
    const rules = await eventually(
      'every rule to be evaluated',
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

  it('keeps all contracts while the mock node is stopped and started', async () => {
    const listHashes = async () => {
      const url = `${await getUrl('mock-node', CONTROL_PORT)}/__admin/contracts`;
      return (await fetchJson<{ hash: string }[]>(url)).map(({ hash }) => hash).sort();
    };
    const before = { hashes: await listHashes(), nodes: (await fetchStatus()).nodes };
    expect(before.hashes).toHaveLength(3);
    await run('stop', 'mock-node');
    await run('up', '--no-recreate', '--wait', 'mock-node');
    const passed = (await scrapeFarmer()).value('farmer_challenges_passed_total');
    await waitForPasses(passed + 2);
    expect(await listHashes()).toEqual(before.hashes);
    expect((await fetchStatus()).nodes).toMatchObject(
      before.nodes.map(({ farmerId }) => ({
        farmerId,
        ended: { ended_by_node: 0, completed: 0, token_lost: 0, released: 0 },
      })),
    );
  });

  it('runs a mock node whose faults can be changed with the documented commands and are visible in Prometheus', async () => {
    const text = readFileSync(FILE, 'utf8');
    const control = await getUrl('mock-node', CONTROL_PORT);
    const documented = [...text.matchAll(/curl -X (\w+) http:\/\/127\.0\.0\.1:5001(\S+)/g)];
    const [on, off] = documented.map(
      ([, method = '', path = '']) =>
        async () =>
          await fetch(control + path, { method }),
    );
    expect((await on?.())?.status).toBe(200);
    expect(await fetchJson<{ name: string }[]>(`${control}/__admin/faults`)).toContainEqual(
      expect.objectContaining({ name: 'flaky-reset' }),
    );
    const api = await prometheus();
    await eventually(
      'the faults in Prometheus',
      async () => await api.query('mock_node_faults_applied_total'),
      ({ length }) => length >= 4,
    );
    expect((await off?.())?.status).toBe(204);
    expect(await fetchJson(`${control}/__admin/faults`)).toEqual([]);
  });

  (hasGrafana ? it : it.skip)('runs a Grafana with its data source and dashboards, without login', async () => {
    const url = await getUrl('grafana');
    expect(await fetchJson(`${url}/api/health`)).toMatchObject({ database: 'ok' });
    expect(await fetchJson(`${url}/api/datasources/uid/prometheus/health`)).toMatchObject({ status: 'OK' });
    const dashboards = await eventually(
      'the dashboards to be provisioned',
      async () => await fetchJson<{ uid: string }[]>(`${url}/api/search?type=dash-db`),
      (seen) => seen.length >= 3,
    );
    expect(dashboards.map(({ uid }) => uid).sort()).toEqual([
      'downstream-farmer',
      'downstream-fleet',
      'downstream-mock-node',
    ]);
  });

  it('leaves no container, network or volume', async () => {
    await run('down', '--volumes', '--rmi', 'local');
    const filter = ['--quiet', '--filter', `label=com.docker.compose.project=${project}`];
    expect(await docker(['ps', '--all', ...filter])).toBe('');
    expect(await docker(['network', 'ls', ...filter])).toBe('');
    expect(await docker(['volume', 'ls', ...filter])).toBe('');
  });
});
