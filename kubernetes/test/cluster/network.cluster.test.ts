import { afterAll, beforeAll, describe, it } from '@jest/globals';
import type { NodeList, Pod, Service } from 'kubernetes-types/core/v1.d.ts';
import { parse } from 'yaml';
import { readCodeBlocks } from '../guide.ts';
import { render } from '../render.ts';
import { getObject, kubectl } from './commands.ts';
import { createListener, findReachable, type Target } from './connections.ts';
import { Farm } from './farm.ts';
import { createNamespace, removeNamespace } from './namespace.ts';
import { untilEqual } from './until.ts';

/** The ports of nodes that the base admits, and another one. */
const PORTS = [80, 443, 5000, 8443];
const DNS = ['DNS (UDP)', 'DNS (TCP)'];
/** What a pod without a policy reaches. */
const UNPROTECTED = [...DNS, 'API server', 'kubelet', ...PORTS.map((port) => `a pod on port ${port}`)];

/** A pod, and the only targets that it reaches. Some pod reaches each target, so that none is just absent. */
interface Source {
  readonly source: string;
  readonly namespace: 'farm' | 'prometheus' | 'other';
  readonly pod: string;
  readonly reaches: readonly string[];
}
const FARMER: Source = { source: 'a farmer', namespace: 'farm', pod: 'farmer-0', reaches: ['node', ...DNS] };
const MATRIX: readonly Source[] = [
  FARMER,
  // Only itself.
  { source: 'the mock node', namespace: 'farm', pod: 'mock-node-0', reaches: ['node', "node's control port"] },
  { source: 'another pod of the namespace', namespace: 'farm', pod: 'client', reaches: UNPROTECTED },
  {
    source: 'a pod in the namespace of Prometheus',
    namespace: 'prometheus',
    pod: 'client',
    reaches: ['farmer', "node's control port", ...UNPROTECTED],
  },
  { source: 'a pod in another namespace', namespace: 'other', pod: 'client', reaches: UNPROTECTED },
];

describe('network policies', () => {
  let farm: Farm;
  const namespaces: Record<Source['namespace'], string> = { farm: '', prometheus: '', other: '' };
  beforeAll(async () => {
    namespaces.prometheus = await createNamespace('prometheus');
    namespaces.other = await createNamespace('other');
    farm = await Farm.start('network', { farmers: 2, patches: admitPrometheus(namespaces.prometheus) });
    namespaces.farm = farm.namespace;
    for (const namespace of Object.values(namespaces)) await createListener(namespace, 'client', PORTS);
    await createListener(namespaces.other, 'listener', PORTS);
  });
  afterAll(async () => {
    await Promise.all(Object.values(namespaces).filter(Boolean).map(removeNamespace));
  });

  async function listTargets(machine: string | undefined): Promise<Record<string, Target>> {
    const [dns, api, kubelet, farmer, node, listener] = await Promise.all([
      findServiceAddress('kube-system', 'kube-dns'),
      findServiceAddress('default', 'kubernetes'),
      findOtherMachine(machine),
      findPodAddress(namespaces.farm, 'farmer-1'),
      findPodAddress(namespaces.farm, 'mock-node-0'),
      findPodAddress(namespaces.other, 'listener'),
    ]);
    return {
      farmer: { host: farmer, port: 8080 },
      node: { host: node, port: 5000 },
      "node's control port": { host: node, port: 5001 },
      'DNS (UDP)': { host: dns, port: 53, protocol: 'UDP' },
      'DNS (TCP)': { host: dns, port: 53 },
      'API server': { host: api, port: 443 },
      kubelet: { host: kubelet, port: 10_250 },
      ...Object.fromEntries(PORTS.map((port) => [`a pod on port ${port}`, { host: listener, port }])),
    };
  }

  /** Policies are enforced some seconds after they change or a pod starts. */
  async function untilEnforced({ source, namespace, pod, reaches }: Source): Promise<void> {
    const id = { namespace: namespaces[namespace], pod };
    const targets = await listTargets((await getReadyPod(id)).spec?.nodeName);
    await untilEqual(
      `${source} to reach only ${reaches.join(', ')}`,
      async () => (await findReachable(id, targets)).sort(),
      [...reaches].sort(),
    );
  }

  it.each(MATRIX)('restrict what $source reaches', untilEnforced);

  it('of the base allow farmers to reach any node, on the usual ports only', async () => {
    const { egress } = render('production').one('NetworkPolicy', 'farmer').spec ?? {};
    const patch = JSON.stringify([{ op: 'replace', path: '/spec/egress', value: egress }]);
    const target = { kind: 'NetworkPolicy', name: 'farmer' };
    await farm.apply({ patches: [...admitPrometheus(namespaces.prometheus), { target, patch }] });
    // Not the API server: its service listens on port 443, but forwards to another one.
    const nodes = ['a pod on port 80', 'a pod on port 443', 'a pod on port 5000'];
    await untilEnforced({ ...FARMER, reaches: [...FARMER.reaches, ...nodes] });
  });

  it("admit the kubelet's probes", async () => {
    const pods = ['farmer-0', 'farmer-1', 'mock-node-0'];
    const listReady = async () =>
      await Promise.all(pods.map(async (pod) => (await farm.getPod(pod)).status?.containerStatuses?.[0]?.ready));
    await untilEqual('pods to be ready', listReady, [true, true, true]);
  });
});

/** Patches for the namespace of Prometheus in the policies: that of the guide, and the same for the mock node. */
function admitPrometheus(namespace: string): object[] {
  const [guide = ''] = readCodeBlocks('Use a Prometheus in another namespace', 'yaml');
  const { patches } = parse(guide.replace('value: prometheus', `value: ${namespace}`));
  const path = '/spec/ingress/1/from/0/namespaceSelector/matchLabels/kubernetes.io~1metadata.name';
  const patch = JSON.stringify([{ op: 'replace', path, value: namespace }]);
  return [...patches, { target: { kind: 'NetworkPolicy', name: 'mock-node' }, patch }];
}

async function getReadyPod({ namespace, pod }: { namespace: string; pod: string }): Promise<Pod> {
  await kubectl(['--namespace', namespace, 'wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s']);
  return await getObject(['--namespace', namespace, 'pod', pod]);
}

async function findPodAddress(namespace: string, pod: string): Promise<string> {
  return (await getReadyPod({ namespace, pod })).status?.podIP ?? '';
}

async function findServiceAddress(namespace: string, name: string): Promise<string> {
  const { spec } = await getObject<Service>(['--namespace', namespace, 'service', name]);
  return spec?.clusterIP ?? '';
}

/** The address of another machine than a pod's own: no policy restricts traffic between a pod and its machine. */
async function findOtherMachine(name: string | undefined): Promise<string> {
  const { items } = await getObject<NodeList>(['nodes']);
  const machine = items.find(({ metadata }) => metadata?.name !== name);
  return machine?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
}
