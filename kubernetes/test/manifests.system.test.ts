import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseBytes } from '@downstream/platform';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { readConfig } from '../../farmer/src/config.ts';
import { SETTINGS } from '../../farmer/src/settings.ts';
import { SETTINGS as MOCK_SETTINGS, readConfig as readMockConfig } from '../../mock-node/src/config.ts';
import { describeWith } from '../../test/support/tools.ts';
import {
  findFarmer,
  getOnlyContainer,
  listPods,
  MODULES,
  OVERLAYS,
  render,
  renderFolder,
  resolveEnvironment,
} from './render.ts';
import { typeCheck } from './type-check.ts';

const root = join(import.meta.dirname, '../..');

describeWith(['kubectl'], 'manifests', () => {
  it.each(OVERLAYS)('contain only kinds, fields and types that Kubernetes knows: %s', (overlay) => {
    const { objects } = render(overlay);
    expect(objects.length).toBeGreaterThan(6);
    expect(objects.filter(({ kind }) => !(kind in MODULES))).toEqual([]);
    expect(typeCheck(objects)).toBe('');
  });

  it('are rejected by the type check if a field or type is wrong', () => {
    const { all } = render('dev');
    const [policy, service, workload] = [all('NetworkPolicy')[0], all('Service')[0], all('StatefulSet')[0]];
    const output = typeCheck([
      { kind: 'NetworkPolicy', ...policy, spec: { ...policy?.spec, polcyTypes: ['Ingress'] } },
      { kind: 'Service', ...service, spec: { ports: [{ port: 'http' }] } },
      { kind: 'StatefulSet', ...workload, apiVersion: 'v1' },
    ]);
    expect(output).toMatch(/polcyTypes.* does not exist in type 'NetworkPolicySpec'/);
    expect(output).toContain("'string' is not assignable to type 'number'");
    expect(output).toContain('\'"v1"\' is not assignable to type \'"apps/v1"\'');
  });

  it.each(OVERLAYS)('meet the restricted pod security profile: %s', (overlay) => {
    const rendered = render(overlay);
    // Not in production: deleting the overlay must not delete the volumes.
    expect(rendered.all('Namespace').map(({ metadata }) => metadata?.labels)).toEqual(
      overlay === 'dev' ? [{ 'pod-security.kubernetes.io/enforce': 'restricted' }] : [],
    );
    for (const { spec } of listPods(rendered)) {
      expect(spec).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect([spec.hostNetwork, spec.hostPID, spec.hostIPC, spec.initContainers]).toEqual(new Array(4).fill(undefined));
      const container = getOnlyContainer(spec);
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.resources).toMatchObject({
        requests: { cpu: expect.any(String), memory: expect.any(String) },
        limits: { memory: expect.any(String) },
      });
      expect(container.resources?.limits).not.toHaveProperty('cpu');
      // `kubectl describe pod` shows the error of a service that exits.
      expect(container.terminationMessagePolicy).toBe('FallbackToLogsOnError');
      expect(container.image).toMatch(/:\d+\.\d+\.\d+$/);
      // Only the claims of the set are mounted, and nothing from the host.
      expect(spec.volumes).toBeUndefined();
    }
  });

  it.each(OVERLAYS)('select the right pods in services, budgets, monitors and policies: %s', (overlay) => {
    const rendered = render(overlay);
    const pods = listPods(rendered);
    const selected = (selector: Record<string, string> = {}) =>
      pods.filter(({ labels }) => Object.entries(selector).every(([label, value]) => labels[label] === value));
    const names = (selector: Record<string, string> | undefined) => selected(selector).map(({ name }) => name);
    for (const { metadata, spec } of rendered.all('StatefulSet'))
      expect(names(spec?.selector.matchLabels)).toEqual([metadata?.name]);
    for (const { metadata, spec } of rendered.all('Service')) {
      expect(names(spec?.selector)).toEqual([metadata?.name]);
      const ports = getOnlyContainer(selected(spec?.selector)[0]?.spec ?? { containers: [] }).ports ?? [];
      for (const { targetPort } of spec?.ports ?? []) expect(ports.map(({ name }) => name)).toContain(targetPort);
    }
    expect(names(rendered.one('PodDisruptionBudget', 'farmer').spec?.selector?.matchLabels)).toEqual(['farmer']);
    for (const { spec } of rendered.all('PodMonitor')) expect(names(spec.selector.matchLabels)).toEqual(['farmer']);
    for (const pod of pods) {
      const { spec } = rendered.one('NetworkPolicy', pod.name);
      expect(names(spec?.podSelector.matchLabels)).toEqual([pod.name]);
      expect(spec?.policyTypes).toEqual(['Ingress', 'Egress']);
    }
  });

  it.each(OVERLAYS)('admit only Prometheus to the farmer, and the farmer only to DNS and its node: %s', (overlay) => {
    const { spec } = render(overlay).one('NetworkPolicy', 'farmer');
    const monitoring = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } };
    expect(spec?.ingress).toEqual([{ from: [monitoring], ports: [{ protocol: 'TCP', port: 'http' }] }]);
    const ports = spec?.egress?.map((rule) => rule.ports?.map(({ protocol, port }) => `${protocol} ${port}`));
    const toNode = overlay === 'dev' ? ['TCP 5000'] : ['TCP 443', 'TCP 80', 'TCP 5000'];
    expect(ports).toEqual([['UDP 53', 'TCP 53'], toNode]);
  });

  it.each(OVERLAYS)('probe the right endpoints and give the farmer time to start and stop: %s', (overlay) => {
    const { container, spec } = findFarmer(render(overlay));
    const { startupProbe, livenessProbe, readinessProbe } = container;
    expect([startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)).toEqual([
      { path: '/healthz', port: 'http' },
      { path: '/healthz', port: 'http' },
      { path: '/readyz', port: 'http' },
    ]);
    // Generating the genesis file on a slow disk takes long.
    expect((startupProbe?.periodSeconds ?? 10) * (startupProbe?.failureThreshold ?? 3)).toBeGreaterThanOrEqual(120);
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(15);
  });

  it('probe the mock node on its control port, which only monitoring can reach', () => {
    const rendered = render('dev');
    const spec = listPods(rendered).find(({ name }) => name === 'mock-node')?.spec ?? { containers: [] };
    const { startupProbe, livenessProbe, readinessProbe } = getOnlyContainer(spec);
    expect([startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet)).toEqual([
      { path: '/__admin/health/ready', port: 'control' },
      { path: '/__admin/health/live', port: 'control' },
      { path: '/__admin/health/ready', port: 'control' },
    ]);
    const reached = rendered.one('NetworkPolicy', 'mock-node').spec?.ingress?.map(({ from, ports }) => ({
      from: from?.flatMap(({ podSelector, namespaceSelector }) =>
        Object.values({ ...podSelector?.matchLabels, ...namespaceSelector?.matchLabels }),
      ),
      ports: ports?.map(({ port }) => port),
    }));
    expect(reached).toEqual([
      { from: ['farmer'], ports: ['http'] },
      { from: ['monitoring'], ports: ['control'] },
    ]);
  });

  it.each(OVERLAYS)('set only known settings, and a capacity that fits the volume: %s', (overlay) => {
    const rendered = render(overlay);
    const { container } = findFarmer(rendered);
    const names = new Set(
      [...Object.values(SETTINGS), ...Object.values(MOCK_SETTINGS)].map(({ env }) => env as string),
    );
    for (const { spec } of listPods(rendered))
      for (const name of [
        ...Object.keys(resolveEnvironment(rendered, getOnlyContainer(spec))),
        ...(getOnlyContainer(spec).env ?? []).map((one) => one.name),
      ])
        expect(names).toContain(name);
    const { spec } = rendered.one('StatefulSet', 'farmer');
    const storage = spec?.volumeClaimTemplates?.[0]?.spec?.resources?.requests?.['storage'] ?? '';
    const capacity = parseBytes(resolveEnvironment(rendered, container)['FARMER_SIZE'] ?? '') ?? Number.NaN;
    const volume = parseBytes(`${storage}B`) ?? Number.NaN;
    expect(volume).toBeGreaterThan(capacity * 1.05 + 64 * 1024 * 1024);
    expect(spec).toMatchObject({
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      template: { spec: { securityContext: { fsGroup: 1000, fsGroupChangePolicy: 'OnRootMismatch' } } },
    });
  });

  it('configure both services in dev', () => {
    const rendered = render('dev');
    expect(readConfig({ env: resolveEnvironment(rendered, findFarmer(rendered).container) })).toMatchObject({
      nodes: [{ url: 'http://mock-node:5000' }],
      logFormat: 'json',
    });
    const mock = listPods(rendered).find(({ name }) => name === 'mock-node');
    expect(
      readMockConfig({ env: resolveEnvironment(rendered, getOnlyContainer(mock?.spec ?? { containers: [] })) }),
    ).toMatchObject({
      intervalMs: 30_000,
      statePath: '/state/node.db',
    });
    const { spec } = rendered.one('StatefulSet', 'mock-node');
    expect(spec).toMatchObject({
      replicas: 1,
      template: { spec: { securityContext: { fsGroup: 1000 } } },
      volumeClaimTemplates: [{ metadata: { name: 'state' } }],
    });
    expect(getOnlyContainer(mock?.spec ?? { containers: [] }).volumeMounts).toEqual([
      { name: 'state', mountPath: '/state' },
    ]);
  });

  it('do not start farmers in production without an address and a node', () => {
    const rendered = render('production');
    const env = resolveEnvironment(rendered, findFarmer(rendered).container);
    const address = { FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV' };
    const node = { FARMER_NODE_URL: 'https://node.example.org' };
    expect(() => readConfig({ env: { ...env, ...node } })).toThrow(/^FARMER_ADDRESS is not set: .*$/);
    // Not the default node, which the volume would store.
    expect(() => readConfig({ env: { ...env, ...address } })).toThrow(
      /^FARMER_NODE_URL: .* \(got "https:\/\/": not a valid URL\)$/,
    );
    expect(readConfig({ env: { ...env, ...address, ...node } }).disks[0].sizeBytes).toBe(500 * 2 ** 30);
    expect(rendered.one('StatefulSet', 'farmer').spec?.replicas).toBe(3);
  });

  it('start a farmer with an empty volume only while a ConfigMap permits it', () => {
    const { container } = findFarmer(render('production'));
    expect(container.env).toContainEqual({
      name: 'FARMER_INIT',
      valueFrom: { configMapKeyRef: { name: 'farmer-first-start', key: 'FARMER_INIT', optional: true } },
    });
    expect(resolveEnvironment(render('production'), container)).not.toHaveProperty('FARMER_INIT');
    const dev = render('dev');
    expect(resolveEnvironment(dev, findFarmer(dev).container)).toMatchObject({ FARMER_INIT: 'true' });
  });

  it("restore a backup with the farmer's image, user and privileges, in a pod that no farmer's object selects", () => {
    const pod = parse(readFileSync(join(root, 'kubernetes/restore/pod.yaml'), 'utf8'));
    expect(typeCheck([pod])).toBe('');
    const { spec, container } = findFarmer(render('production'));
    expect(pod.spec.securityContext).toEqual(spec.securityContext);
    const { image, securityContext, terminationMessagePolicy, volumeMounts } = container;
    expect(getOnlyContainer(pod.spec)).toMatchObject({
      image,
      securityContext,
      terminationMessagePolicy,
      volumeMounts,
      args: ['restore', '-', '--init'],
    });
    expect(pod.metadata.labels['app.kubernetes.io/name']).not.toBe('farmer');
  });

  it('scrape in production, and include alerts and dashboards for all farms', () => {
    const [monitor] = render('production').all('PodMonitor');
    expect(monitor?.spec.podMetricsEndpoints[0]).toMatchObject({ port: 'http', path: '/metrics' });
    expect(monitor?.spec.podMetricsEndpoints[0]?.relabelings).toContainEqual({
      targetLabel: 'job',
      replacement: 'farmer',
    });
    expect(render('production').all('PrometheusRule')).toEqual([]);
    const rendered = renderFolder(join(root, 'kubernetes/monitoring'));
    expect(typeCheck(rendered.objects)).toBe('');
    expect(rendered.all('PrometheusRule')).toHaveLength(1);
    const boards = rendered.all('ConfigMap').filter(({ metadata }) => metadata?.labels?.['grafana_dashboard'] === '1');
    const uids = boards.flatMap(({ data }) => Object.values(data ?? {})).map((text) => JSON.parse(text).uid);
    expect(uids.sort()).toEqual(['downstream-farmer', 'downstream-fleet', 'downstream-mock-node']);
  });
});
