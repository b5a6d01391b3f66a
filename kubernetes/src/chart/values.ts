import { SETTINGS } from '../../../farmer/src/settings.ts';
import { getAt } from './place.ts';
import { Entries, isMap, type Json, Range, Text, When } from './template.ts';
import type { Value } from './value.ts';

/** The components that are options of the chart, with the conditions on which they apply. */
export const COMPONENTS: Readonly<Record<string, string>> = {
  'local-volumes': '.Values.localVolumes',
  monitoring: '.Values.monitoring.enabled',
  'node-local-dns': '.Values.networkPolicy.nodeLocalDns',
  openshift: '.Values.openshift',
  'page-access': '.Values.networkPolicy.pageNamespace',
  'priority-class': '.Values.priorityClassName',
  'zone-spread': '.Values.zoneSpread',
};

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const map = { type: 'object', additionalProperties: text } as const;
const CAPACITY = { ...text, pattern: '^[0-9.]+ ?([KMGT]i?B)?$' } as const;
const QUANTITY = { ...text, pattern: '^[0-9.]+([KMGTPE]i?)?$' } as const;
const quantities = { type: 'object', additionalProperties: { type: ['string', 'number'] } } as const;

const POD = ['StatefulSet', 'spec', 'template', 'spec'] as const;
const CONTAINER = [...POD, 'containers', 0] as const;
const IMAGE = [...CONTAINER, 'image'] as const;
const CLAIMS = ['StatefulSet', 'spec', 'volumeClaimTemplates'] as const;
const CLAIM = [...CLAIMS, 0, 'spec'] as const;
const PEER_NAMESPACE = ['from', 0, 'namespaceSelector', 'matchLabels', 'kubernetes.io/metadata.name'] as const;
const NODE_PORTS = ['NetworkPolicy', 'spec', 'egress', 1, 'ports'] as const;

const DISK_CLAIM = {
  metadata: { name: new Text('disk-{{ .name }}') },
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: new Text('{{ .volume.size | quote }}') } },
    storageClassName: new When('.volume.storageClass', new Text('{{ .volume.storageClass | quote }}')),
  },
};
const DISK_MOUNT = { name: new Text('disk-{{ .name }}'), mountPath: new Text('/disks/{{ .name }}') };

/** Settings that are values themselves, that the pod sets, for one farmer or a trial, or with another port or mount. */
const OTHER_SETTINGS: readonly string[] = [
  'FARMER_ADDRESS',
  'FARMER_NODE_URL',
  'FARMER_SIZE',
  'FARMER_ALIAS',
  'FARMER_INIT',
  'FARMER_NUMBER',
  'FARMER_TOKEN',
  'FARMER_TOKEN_FILE',
  'FARMER_FORCENEW',
  'FARMER_HISTORY',
  'FARMER_HTTP_HOST',
  'FARMER_HTTP_PORT',
  'FARMER_CONFIG',
  'FARMER_DATA_DIR',
  'FARMER_LOG_PATH',
  'FARMER_QUIET',
];

const settings = Object.fromEntries(
  Object.values(SETTINGS)
    .filter(({ env }) => !OTHER_SETTINGS.includes(env))
    .map(({ env, description }) => [env, { type: ['string', 'integer', 'boolean'], description }]),
);

const toList = (node: Json): Json[] => (Array.isArray(node) ? node : []);
const pick = (node: Json, keys: readonly string[]): Json =>
  Object.fromEntries(isMap(node) ? Object.entries(node).filter(([key]) => keys.includes(key)) : []);

/** All values of the chart: the source of values.yaml, values.schema.json and of the templates' placeholders. */
export const VALUES: readonly Value[] = [
  {
    name: 'address',
    description: 'SJCX payout address. Required.',
    schema: { ...text, pattern: '^[1-9A-Za-z]*$' },
    place: ['ConfigMap', 'data', 'FARMER_ADDRESS'],
    node: new Text('{{ required "address: set the payout address" .Values.address | quote }}'),
    default: '',
  },
  {
    name: 'nodeUrl',
    description:
      'URL of the node, such as https://node.example.org. Required. For several nodes, separate URLs with commas, each optionally followed by =share.',
    schema: { ...text, pattern: '^(https?://.+)?$' },
    place: ['ConfigMap', 'data', 'FARMER_NODE_URL'],
    node: new Text('{{ required "nodeUrl: set the URL of the node" .Values.nodeUrl | quote }}'),
    default: '',
  },
  {
    name: 'size',
    description: 'Capacity of each farmer. Leave at least 5 % of the volume for the genesis file and the state.',
    schema: CAPACITY,
    place: ['ConfigMap', 'data', 'FARMER_SIZE'],
    node: new When('.Values.disks', '', new Text('{{ .Values.size | quote }}')),
  },
  {
    name: 'replicas',
    description: 'Number of farmers. Each has its own volume, token and contracts.',
    schema: { type: 'integer', minimum: 0 },
    place: ['StatefulSet', 'spec', 'replicas'],
  },
  {
    name: 'minReadySeconds',
    description:
      'How long a farmer must be ready before the next one restarts. Set it to more than one interval of the node plus 15 seconds, so that a rollout stops if the node rejects answers.',
    schema: { type: 'integer', minimum: 0 },
    place: ['StatefulSet', 'spec', 'minReadySeconds'],
  },
  {
    name: 'settings',
    description: 'Other settings of the farmer (docs/settings.md). Changed settings restart the pods.',
    schema: { type: 'object', properties: settings, additionalProperties: false },
    default: (base) => pick(getAt(base, ['ConfigMap', 'data']), Object.keys(settings)),
  },
  {
    name: 'image.repository',
    description: 'Image of the farmer, without its tag.',
    schema: { ...text, minLength: 1 },
    place: IMAGE,
    node: new Text('"{{ .Values.image.repository }}:{{ .Values.image.tag }}"'),
    default: (base) => String(getAt(base, IMAGE)).split(':')[0] ?? '',
  },
  {
    name: 'image.tag',
    description: 'Tag of the image, optionally followed by @sha256:… .',
    schema: { ...text, minLength: 1 },
    default: (base) => String(getAt(base, IMAGE)).split(':')[1] ?? '',
  },
  {
    name: 'image.pullPolicy',
    description: 'Always, IfNotPresent or Never. By default, Kubernetes pulls missing images.',
    schema: { ...text, enum: ['', 'Always', 'IfNotPresent', 'Never'] },
    place: [...CONTAINER, 'imagePullPolicy'],
    optional: true,
    default: '',
  },
  {
    name: 'image.pullSecrets',
    description: 'Secrets with credentials for the registry.',
    schema: { type: 'array', items: { ...text, minLength: 1 } },
    place: [...POD, 'imagePullSecrets'],
    node: [new Range('.Values.image.pullSecrets', { name: new Text('{{ . | quote }}') })],
    optional: true,
    default: [],
  },
  {
    name: 'volume.size',
    description: 'Size of each volume. Claim templates are immutable: choose it before the first start.',
    schema: QUANTITY,
    place: [...CLAIM, 'resources', 'requests', 'storage'],
  },
  {
    name: 'volume.storageClass',
    description: "Storage class of the volumes. Empty: the cluster's default class.",
    schema: text,
    place: [...CLAIM, 'storageClassName'],
    optional: true,
    default: '',
  },
  {
    name: 'disks',
    description:
      'More disks of each farmer: a list of {name: 1, size: 1000GiB, volume: {size: 1100Gi, storageClass: …}}.',
    schema: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: ['string', 'integer'], pattern: '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$' },
          size: CAPACITY,
          volume: {
            type: 'object',
            properties: { size: QUANTITY, storageClass: text },
            required: ['size'],
            additionalProperties: false,
          },
        },
        required: ['name', 'size', 'volume'],
        additionalProperties: false,
      },
    },
    place: ['ConfigMap', 'data', 'FARMER_DATA_DIR'],
    node: new Text('"/data={{ .Values.size }}{{ range .Values.disks }},/disks/{{ .name }}={{ .size }}{{ end }}"'),
    optional: true,
    also: [
      { place: [...CLAIMS, 1], node: new Range('.Values.disks', DISK_CLAIM) },
      { place: [...CONTAINER, 'volumeMounts', 1], node: new Range('.Values.disks', DISK_MOUNT) },
    ],
    default: [],
  },
  {
    name: 'localVolumes',
    description: 'Whether the volumes cannot leave their machine. A drain then evicts all its farmers at once.',
    schema: flag,
    default: false,
  },
  {
    name: 'resources',
    description: 'Resources of each farmer. A CPU limit would delay answers.',
    schema: {
      type: 'object',
      properties: { requests: quantities, limits: quantities },
      additionalProperties: false,
    },
    place: [...CONTAINER, 'resources'],
  },
  {
    name: 'priorityClassName',
    description: 'Priority class of the pods. It must exist.',
    schema: text,
    place: [...POD, 'priorityClassName'],
    default: '',
  },
  {
    name: 'zoneSpread',
    description: 'Whether to spread farmers over zones. Use a storage class that binds volumes when a pod needs them.',
    schema: flag,
    default: false,
  },
  {
    name: 'openshift',
    description: 'Whether the cluster is OpenShift, which assigns user and group ids and has DNS on port 5353.',
    schema: flag,
    default: false,
  },
  {
    name: 'nodeSelector',
    description: 'Labels of the machines on which farmers may run.',
    schema: map,
    place: [...POD, 'nodeSelector'],
    optional: true,
    default: {},
  },
  {
    name: 'tolerations',
    description: 'Taints of machines on which farmers may run.',
    schema: { type: 'array', items: { type: 'object' } },
    place: [...POD, 'tolerations'],
    optional: true,
    default: [],
  },
  {
    name: 'labels',
    description: 'Labels to add to all objects and pods. Changed labels restart the pods.',
    schema: {
      ...map,
      properties: { 'app.kubernetes.io/name': false, 'app.kubernetes.io/part-of': false },
    },
    default: {},
  },
  {
    name: 'networkPolicy.prometheusNamespace',
    description: 'Namespace from which Prometheus scrapes the farmers.',
    schema: { ...text, minLength: 1 },
    place: ['NetworkPolicy', 'spec', 'ingress', 0, ...PEER_NAMESPACE],
  },
  {
    name: 'networkPolicy.pageNamespace',
    description: 'Namespace of the ingress controller that publishes the status pages.',
    schema: text,
    place: ['NetworkPolicy', 'spec', 'ingress', 1, ...PEER_NAMESPACE],
    default: '',
  },
  {
    name: 'networkPolicy.nodeLocalDns',
    description: 'Address of NodeLocal DNSCache if machines run it, usually 169.254.20.10.',
    schema: { ...text, anyOf: [{ const: '' }, { format: 'ipv4' }] },
    place: ['NetworkPolicy', 'spec', 'egress', 2, 'to', 0, 'ipBlock', 'cidr'],
    node: new Text('"{{ .Values.networkPolicy.nodeLocalDns }}/32"'),
    default: '',
  },
  {
    name: 'networkPolicy.nodePorts',
    description: 'TCP ports of the node.',
    schema: { type: 'array', minItems: 1, items: { type: 'integer', minimum: 1, maximum: 65_535 } },
    place: NODE_PORTS,
    node: [new Range('.Values.networkPolicy.nodePorts', { protocol: 'TCP', port: new Text('{{ . }}') })],
    default: (base) => toList(getAt(base, NODE_PORTS)).map((port) => getAt(port, ['port'])),
  },
  {
    name: 'monitoring.enabled',
    description: 'Whether the Prometheus operator scrapes the farmers.',
    schema: flag,
    default: false,
  },
  {
    name: 'monitoring.labels',
    description: 'Labels of the PodMonitor by which Prometheus selects it.',
    schema: map,
    place: ['PodMonitor', 'metadata', 'labels', 'monitoring.labels'],
    node: new Entries('.Values.monitoring.labels'),
    default: {},
  },
];
