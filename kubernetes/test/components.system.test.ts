import { expect, it } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { readConfig } from '../../farmer/src/config.ts';
import { describeWith } from '../../test/support/tools.ts';
import { readCodeBlocks, readFirstColumn } from './guide.ts';
import {
  COMPONENTS,
  findFarmer,
  type Rendered,
  render,
  renderKustomization,
  renderWith,
  resolveEnvironment,
} from './render.ts';
import { typeCheck } from './type-check.ts';

// The production overlay contains it already.
const ADDED = COMPONENTS.filter((name) => name !== 'monitoring');

const findPolicy = (rendered: Rendered) => rendered.one('NetworkPolicy', 'farmer').spec;
const findSpec = (rendered: Rendered) => rendered.one('StatefulSet', 'farmer').spec;

const PROMETHEUS = {
  from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
  ports: [{ protocol: 'TCP', port: 'http' }],
};
const dnsTo = (peer: object, port: number) => ({
  to: [peer],
  ports: [
    { protocol: 'UDP', port },
    { protocol: 'TCP', port },
  ],
});
const NODE_LOCAL_DNS = dnsTo({ ipBlock: { cidr: '169.254.20.10/32' } }, 53);
const OPENSHIFT_DNS = dnsTo(
  { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'openshift-dns' } } },
  5353,
);
const INGRESS_CONTROLLER = {
  from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress-nginx' } } }],
  ports: [{ protocol: 'TCP', port: 'http' }],
};

describeWith(['kubectl'], 'components', () => {
  it.each([
    ['dev', COMPONENTS],
    ['production', ADDED],
    ['production', ADDED.toReversed()],
  ] as const)('can be combined: %s with %j', (overlay, components) => {
    const rendered = renderWith(overlay, components);
    expect(typeCheck(rendered.objects)).toBe('');
    expect(findPolicy(rendered)?.egress).toHaveLength(4);
    expect(findPolicy(rendered)?.egress).toEqual(expect.arrayContaining([NODE_LOCAL_DNS, OPENSHIFT_DNS]));
    expect(findPolicy(rendered)?.ingress).toEqual([PROMETHEUS, INGRESS_CONTROLLER]);
  });

  it.each(ADDED)('change only what they are for: %s', (component) => {
    const changed: Record<string, readonly string[]> = {
      'local-volumes': ['PodDisruptionBudget'],
      'node-local-dns': ['NetworkPolicy'],
      openshift: ['NetworkPolicy', 'StatefulSet'],
      'page-access': ['NetworkPolicy'],
      'priority-class': ['StatefulSet'],
      'prometheus-labels': ['PodMonitor'],
      'zone-spread': ['StatefulSet'],
    };
    const before = render('production').objects;
    const after = renderWith('production', [component]).objects;
    expect(after.map(({ kind }) => kind)).toEqual(before.map(({ kind }) => kind));
    const different = after.filter((object, n) => JSON.stringify(object) !== JSON.stringify(before[n]));
    expect(different.map(({ kind }) => kind).sort()).toEqual(changed[component]);
  });

  it('evict one farmer at a time, or all of a machine at once if their volumes cannot leave it', () => {
    const findMaximum = (rendered: Rendered) => rendered.one('PodDisruptionBudget', 'farmer').spec?.maxUnavailable;
    expect(findMaximum(render('production'))).toBe(1);
    expect(findMaximum(renderWith('production', ['local-volumes']))).toBe('100%');
  });

  it('admit farmers to the DNS cache of their machine', () => {
    const { egress = [] } = findPolicy(render('production')) ?? {};
    expect(findPolicy(renderWith('production', ['node-local-dns']))?.egress).toEqual([...egress, NODE_LOCAL_DNS]);
  });

  it("admit farmers to OpenShift's DNS, and leave user and group to OpenShift", () => {
    const { egress = [] } = findPolicy(render('production')) ?? {};
    const rendered = renderWith('production', ['openshift']);
    expect(findPolicy(rendered)?.egress).toEqual([...egress, OPENSHIFT_DNS]);
    expect(findFarmer(rendered).spec.securityContext).toEqual({
      runAsNonRoot: true,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const { spec } of renderWith('dev', ['openshift']).all('StatefulSet'))
      expect(spec?.template.spec?.securityContext).not.toHaveProperty('runAsUser');
  });

  it('admit an ingress controller to the status pages', () => {
    expect(findPolicy(renderWith('production', ['page-access']))?.ingress).toEqual([PROMETHEUS, INGRESS_CONTROLLER]);
  });

  it('spread farmers over zones and machines, without keeping one from its volume', () => {
    const constraints = findFarmer(renderWith('production', ['zone-spread'])).spec.topologySpreadConstraints;
    expect(constraints).toEqual(
      ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
        maxSkew: 1,
        topologyKey,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: { 'app.kubernetes.io/name': 'farmer' } },
      })),
    );
  });

  it('give farmers a priority class', () => {
    expect(findFarmer(renderWith('production', ['priority-class'])).spec.priorityClassName).toBe('farmer');
  });

  it('label what Prometheus selects', () => {
    const rendered = renderWith('production', ['prometheus-labels']);
    expect(rendered.one('PodMonitor', 'farmer').metadata.labels).toMatchObject({ release: 'monitoring' });
  });
});

describeWith(['kubectl'], 'docs/kubernetes.md', () => {
  /** The fields of a kustomization that the `farmer.env` of some sections would add. */
  const createSettings = (...headings: string[]) => ({
    namespace: 'downstream',
    configMapGenerator: [
      {
        name: 'farmer',
        behavior: 'merge',
        literals: headings.flatMap((heading) => readCodeBlocks(heading, 'ini').join('').trim().split('\n')),
      },
    ],
  });
  const readPatches = (heading: string) => parse(readCodeBlocks(heading, 'yaml')[0] ?? '');
  const readFarmerConfig = (rendered: Rendered) => {
    const env = resolveEnvironment(rendered, findFarmer(rendered).container);
    // The production overlay leaves address and node to the operator.
    const FARMER_NODE_URL = env['FARMER_NODE_URL']?.replace(/^https:\/\/$/, 'https://node.example') ?? '';
    return readConfig({ env: { ...env, FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV', FARMER_NODE_URL } });
  };

  it('lists every component', () => {
    expect(readFirstColumn('Adapt to your cluster').sort()).toEqual(COMPONENTS);
  });

  it('shows patches for the port of a node and for the choice of machines', () => {
    const { egress = [] } = findPolicy(render('production')) ?? {};
    const rendered = renderWith('production', ADDED, readPatches('Adapt to your cluster'));
    expect(typeCheck(rendered.objects)).toBe('');
    const port = { ports: [{ protocol: 'TCP', port: 8443 }] };
    expect(findPolicy(rendered)?.egress).toEqual(expect.arrayContaining([...egress, NODE_LOCAL_DNS, port]));
    expect(findFarmer(rendered).spec.nodeSelector).toEqual({ disks: 'large' });
  });

  it('mounts several disks per farmer, with a capacity that fits each', () => {
    const heading = 'Use several disks per farmer';
    const rendered = renderWith('production', ADDED, { ...readPatches(heading), ...createSettings(heading) });
    expect(typeCheck(rendered.objects)).toBe('');
    const claims = findSpec(rendered)?.volumeClaimTemplates?.map(({ metadata, spec }) => [
      metadata?.name,
      spec?.resources?.requests?.['storage'],
    ]);
    expect(claims).toEqual([
      ['data', '550Gi'],
      ['disk-1', '1100Gi'],
    ]);
    expect(findFarmer(rendered).container.volumeMounts).toEqual([
      { name: 'data', mountPath: '/data' },
      { name: 'disk-1', mountPath: '/disks/1' },
    ]);
    expect(readFarmerConfig(rendered).disks).toEqual([
      expect.objectContaining({ path: '/data', sizeBytes: 500 * 2 ** 30 }),
      expect.objectContaining({ path: '/disks/1', sizeBytes: 1000 * 2 ** 30 }),
    ]);
  });

  it('farms for several nodes, also on several disks', () => {
    const settings = createSettings('Farm for several nodes', 'Use several disks per farmer');
    const rendered = renderWith('production', ADDED, { ...readPatches('Use several disks per farmer'), ...settings });
    const config = readFarmerConfig(rendered);
    expect(config.nodes).toMatchObject([
      { url: 'https://a.example', alias: 'main', share: 0.75 },
      { url: 'https://b.example', alias: 'backup', share: 0.25 },
    ]);
    expect(config.disks).toHaveLength(2);
  });

  it('publishes a status page under a name that the farmer answers to', () => {
    const rendered = renderWith('production', ['page-access'], createSettings('Publish the status pages'));
    const objects = readCodeBlocks('Publish the status pages', 'yaml').flatMap((text) =>
      parseAllDocuments(text).map((document) => document.toJS()),
    );
    expect(typeCheck(objects)).toBe('');
    const [service, ingress] = objects;
    expect(service.spec.selector).toEqual({ 'statefulset.kubernetes.io/pod-name': 'farmer-0' });
    const [rule] = ingress.spec.rules;
    expect(rule.http.paths[0].backend.service).toEqual({ name: service.metadata.name, port: { name: 'http' } });
    const before = readFarmerConfig(render('production')).allowedHosts;
    expect(readFarmerConfig(rendered).allowedHosts).toEqual([...before, rule.host.replace('farmer-0', '')]);
  });

  it('admits a Prometheus from another namespace instead of the default one, with any component', () => {
    for (const components of [[], ADDED]) {
      const rendered = renderWith('production', components, readPatches('Use a Prometheus in another namespace'));
      expect(findPolicy(rendered)?.ingress?.[0]).toEqual({
        ...PROMETHEUS,
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'prometheus' } } }],
      });
    }
  });

  it('applies alerts and dashboards in another namespace and with labels', () => {
    const [, kustomization = ''] = readCodeBlocks('Use a Prometheus in another namespace', 'yaml');
    const rendered = renderKustomization(parse(kustomization));
    expect(typeCheck(rendered.objects)).toBe('');
    expect(rendered.all('PrometheusRule').map(({ metadata }) => metadata)).toEqual([
      expect.objectContaining({ namespace: 'prometheus', labels: expect.objectContaining({ release: 'monitoring' }) }),
    ]);
    expect(rendered.all('ConfigMap')).not.toEqual([]);
    for (const { metadata } of rendered.all('ConfigMap')) expect(metadata?.namespace).toBe('prometheus');
  });
});
