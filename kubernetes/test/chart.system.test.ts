import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { describeWith } from '../../test/support/tools.ts';
import { VALUES } from '../src/chart/values.ts';
import { readCodeBlocks } from './guide.ts';
import { parseRendered, type Rendered, renderWith } from './render.ts';

const CHART = join(import.meta.dirname, '../chart');
const REQUIRED = { address: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV', nodeUrl: 'https://node.example.org' };
/** What the production overlay sets. */
const PRODUCTION = {
  ...REQUIRED,
  size: '500GiB',
  replicas: 3,
  'volume.size': '550Gi',
  'monitoring.enabled': true,
};

/** Values by their paths, such as `volume.size`. */
type Values = Readonly<Record<string, unknown>>;

function runHelm(command: string, values: Values): { status: number | null; stdout: string; stderr: string } {
  const set = Object.entries(values).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
  const release = command === 'template' ? ['farm'] : [];
  return spawnSync('helm', [command, ...release, CHART, '--kube-version=1.27.0', ...set], { encoding: 'utf8' });
}

function renderChart(values: Values): Rendered {
  const { status, stdout, stderr } = runHelm('template', values);
  if (status !== 0) throw new Error(stderr);
  return parseRendered(stdout);
}

interface Customization {
  readonly components?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly patches?: readonly { readonly kind: string; readonly operations: readonly object[] }[];
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Renders the production overlay with changes. */
function renderOverlay({ components = [], env = {}, patches = [], fields = {} }: Customization): Rendered {
  const settings = { FARMER_ADDRESS: REQUIRED.address, FARMER_NODE_URL: REQUIRED.nodeUrl, ...env };
  const literals = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return renderWith('production', components, {
    namespace: 'downstream',
    configMapGenerator: [{ name: 'farmer', behavior: 'merge', literals }],
    patches: patches.map(({ kind, operations }) => ({ target: { kind }, patch: JSON.stringify(operations) })),
    ...fields,
  });
}

/** Sorts the objects, without what differs on purpose: the namespace, the ConfigMap's hash, and that Helm keeps it. */
function normalize({ objects, all }: Rendered): unknown {
  const hashed = all('ConfigMap').find(({ metadata }) => metadata?.name?.startsWith('farmer-'))?.metadata?.name ?? '';
  const sorted = [...objects].sort((a, b) => a.kind.localeCompare(b.kind));
  return JSON.parse(JSON.stringify(sorted).replaceAll(hashed, 'farmer'), (key, value) => {
    if (key === 'namespace') return undefined;
    return key === 'annotations' && 'helm.sh/resource-policy' in value ? undefined : value;
  });
}

const pod = (operations: Readonly<Record<string, unknown>>) => ({
  kind: 'StatefulSet',
  operations: Object.entries(operations).map(([path, value]) => ({
    op: 'add',
    path: `/spec/template/spec/${path}`,
    value,
  })),
});
const TOLERATIONS = [{ key: 'disks', operator: 'Exists', effect: 'NoSchedule' }];
const RESOURCES = { requests: { cpu: '1', memory: '1Gi' }, limits: { memory: '2Gi' } };

/** Each option of the chart, and the same in kustomize. */
const OPTIONS: [string, Values, Customization][] = [
  ['the production overlay', {}, {}],
  ['local volumes', { localVolumes: true }, { components: ['local-volumes'] }],
  ['OpenShift', { openshift: true }, { components: ['openshift'] }],
  ['zones', { zoneSpread: true }, { components: ['zone-spread'] }],
  ['a priority class', { priorityClassName: 'farmer' }, { components: ['priority-class'] }],
  ['NodeLocal DNS', { 'networkPolicy.nodeLocalDns': '169.254.20.10' }, { components: ['node-local-dns'] }],
  ['status pages', { 'networkPolicy.pageNamespace': 'ingress-nginx' }, { components: ['page-access'] }],
  ['labels for Prometheus', { 'monitoring.labels': { release: 'monitoring' } }, { components: ['prometheus-labels'] }],
  [
    'all components',
    {
      localVolumes: true,
      openshift: true,
      zoneSpread: true,
      priorityClassName: 'farmer',
      networkPolicy: { nodeLocalDns: '169.254.20.10', pageNamespace: 'ingress-nginx' },
    },
    { components: ['local-volumes', 'node-local-dns', 'openshift', 'page-access', 'priority-class', 'zone-spread'] },
  ],
  [
    'settings',
    { settings: { FARMER_JOURNAL_SIZE: 1_000_000, FARMER_NODE_MOVED: true, FARMER_LOG_LEVEL: 'debug' } },
    { env: { FARMER_JOURNAL_SIZE: '1000000', FARMER_NODE_MOVED: 'true', FARMER_LOG_LEVEL: 'debug' } },
  ],
  [
    'several nodes',
    { nodeUrl: 'https://a.example=3,https://b.example=1', settings: { FARMER_NODE_ALIAS: 'main,backup' } },
    { env: { FARMER_NODE_URL: 'https://a.example=3,https://b.example=1', FARMER_NODE_ALIAS: 'main,backup' } },
  ],
  [
    'several disks',
    { disks: [{ name: 1, size: '1000GiB', volume: { size: '1100Gi' } }] },
    {
      env: { FARMER_SIZE: '', FARMER_DATA_DIR: '/data=500GiB,/disks/1=1000GiB' },
      fields: parse(readCodeBlocks('Use several disks per farmer', 'yaml')[0] ?? ''),
    },
  ],
  [
    'an image',
    { image: { repository: 'registry.example/farmer', tag: '1.2.3', pullPolicy: 'Always', pullSecrets: ['registry'] } },
    {
      patches: [pod({ imagePullSecrets: [{ name: 'registry' }], 'containers/0/imagePullPolicy': 'Always' })],
      fields: { images: [{ name: 'downstream-farmer', newName: 'registry.example/farmer', newTag: '1.2.3' }] },
    },
  ],
  [
    'machines',
    { nodeSelector: { disks: 'large' }, tolerations: TOLERATIONS, resources: RESOURCES },
    {
      patches: [
        pod({ nodeSelector: { disks: 'large' }, tolerations: TOLERATIONS, 'containers/0/resources': RESOURCES }),
      ],
    },
  ],
  [
    'the time until the next farmer restarts, and a storage class',
    { minReadySeconds: 600, 'volume.storageClass': 'fast' },
    {
      patches: [
        {
          kind: 'StatefulSet',
          operations: [
            { op: 'replace', path: '/spec/minReadySeconds', value: 600 },
            { op: 'add', path: '/spec/volumeClaimTemplates/0/spec/storageClassName', value: 'fast' },
          ],
        },
      ],
    },
  ],
  [
    'labels',
    { labels: { team: 'storage' } },
    {
      fields: {
        labels: [
          {
            pairs: { team: 'storage' },
            fields: [{ kind: 'StatefulSet', path: 'spec/template/metadata/labels', create: true }],
          },
        ],
      },
    },
  ],
  [
    'another namespace of Prometheus, and another port of the node',
    { networkPolicy: { prometheusNamespace: 'prometheus', nodePorts: [8443] } },
    {
      patches: [
        {
          kind: 'NetworkPolicy',
          operations: [
            { op: 'replace', path: '/spec/egress/1/ports', value: [{ protocol: 'TCP', port: 8443 }] },
            {
              op: 'replace',
              path: '/spec/ingress/0/from/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name',
              value: 'prometheus',
            },
          ],
        },
      ],
    },
  ],
];

describeWith(['helm', 'kubectl'], 'Helm chart', () => {
  it.each(OPTIONS)('renders the same objects as kustomize: %s', (_, values, customization) => {
    const chart = normalize(renderChart({ ...PRODUCTION, ...values }));
    expect(chart).toEqual(normalize(renderOverlay(customization)));
  });

  it('is compared with kustomize for every value', () => {
    const nested = ['image', 'networkPolicy'];
    const names = [PRODUCTION, ...OPTIONS.map(([, values]) => values)].flatMap((values) =>
      Object.entries(values).flatMap(([name, value]) =>
        nested.includes(name) ? Object.keys(Object(value)).map((key) => `${name}.${key}`) : name,
      ),
    );
    expect([...new Set(names)].sort()).toEqual(VALUES.map(({ name }) => name).sort());
  });

  it('accepts the values in docs/kubernetes.md', () => {
    const values = parse(readCodeBlocks('Install with Helm', 'yaml')[0] ?? '');
    const same = { ...PRODUCTION, 'image.repository': 'your-registry/downstream-farmer' };
    expect(normalize(renderChart(values))).toEqual(normalize(renderChart(same)));
  });

  it('renders the base without further values, and no PodMonitor', () => {
    const rendered = renderChart(REQUIRED);
    expect(rendered.one('StatefulSet', 'farmer').spec?.replicas).toBe(1);
    expect(rendered.all('PodMonitor')).toEqual([]);
  });

  it('restarts the pods if a setting changes, and keeps the ConfigMap with the earlier settings', () => {
    const findReference = (rendered: Rendered) =>
      rendered.one('StatefulSet', 'farmer').spec?.template.spec?.containers[0]?.envFrom?.[0]?.configMapRef?.name ?? '';
    const [before, after] = ['info', 'debug'].map((FARMER_LOG_LEVEL) =>
      renderChart({ ...REQUIRED, settings: { FARMER_LOG_LEVEL } }),
    );
    if (before === undefined || after === undefined) throw new Error('not rendered');
    expect(findReference(before)).not.toBe(findReference(after));
    for (const rendered of [before, after]) {
      const { metadata } = rendered.one('ConfigMap', findReference(rendered));
      expect(metadata?.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    }
  });

  it('passes helm lint', () => {
    const { status, stdout } = runHelm('lint', PRODUCTION);
    expect(stdout).toContain('0 chart(s) failed');
    expect(stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
    expect(status).toBe(0);
  });

  it.each([
    [{ address: '' }, /address: set the payout address/],
    [{ nodeUrl: '' }, /nodeUrl: set the URL of the node/],
    [{ nodeUrl: 'node.example.org' }, /nodeUrl/],
    [{ adress: 'x' }, /'?adress'? (is )?not allowed/],
    [{ 'volume.sise': '1Ti' }, /'?sise'? (is )?not allowed/],
    [{ 'volume.size': '550GiB' }, /volume[/.]size/],
    [{ size: '500Gi' }, /\bsize/],
    [{ replicas: 'three' }, /replicas/],
    [{ 'networkPolicy.nodePorts': [] }, /networkPolicy[/.]nodePorts/],
    [{ 'networkPolicy.nodeLocalDns': 'localhost' }, /networkPolicy[/.]nodeLocalDns/],
    [{ labels: { 'app.kubernetes.io/name': 'x' } }, /labels[/.]app/],
    [{ settings: { FARMER_LOG_LEVLE: 'debug' } }, /'?FARMER_LOG_LEVLE'? (is )?not allowed/],
    // A permanent permission would turn an emptied volume into a new farmer.
    [{ settings: { FARMER_INIT: 'true' } }, /'?FARMER_INIT'? (is )?not allowed/],
  ])('refuses %j by name', (values, message) => {
    const { status, stderr } = runHelm('template', { ...PRODUCTION, ...values });
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
  });
});
