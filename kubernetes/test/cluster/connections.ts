import { kubectl } from './commands.ts';
import { IMAGES } from './images.ts';

/** Where a connection goes. UDP is checked with a DNS request. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP';
}

/** Prints the names of the targets that a connection reaches within two seconds. */
const CONNECT = `
const { connect } = require('node:net');
const { Resolver } = require('node:dns').promises;
const reachTcp = ({ host, port }) =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    for (const event of ['connect', 'timeout', 'error'])
      socket.on(event, () => {
        resolve(event === 'connect');
        socket.destroy();
      });
  });
const reachUdp = async ({ host, port }) => {
  const resolver = new Resolver({ timeout: 2000, tries: 1 });
  resolver.setServers([host + ':' + port]);
  return await resolver.resolve('kubernetes.default.svc.cluster.local').then(() => true, () => false);
};
const test = async ([name, target]) => ((await (target.protocol === 'UDP' ? reachUdp : reachTcp)(target)) ? [name] : []);
Promise.all(Object.entries(JSON.parse(process.argv[1])).map(test)).then((found) => console.log(JSON.stringify(found.flat())));
`;

/**
 * Connects from a pod to targets. The pod's image contains Node.js.
 *
 * @returns the names of those that it reaches
 */
export async function findReachable<Name extends string>(
  { namespace, pod }: { namespace: string; pod: string },
  targets: Readonly<Record<Name, Target>>,
): Promise<Name[]> {
  const command = ['node', '--eval', CONNECT, JSON.stringify(targets)];
  return JSON.parse(await kubectl(['--namespace', namespace, 'exec', pod, '--', ...command]));
}

/** Creates a pod that accepts connections on some ports, without waiting for it. */
export async function createListener(namespace: string, name: string, ports: readonly number[]): Promise<void> {
  const listen = `for (const port of ${JSON.stringify(ports)}) require('node:net').createServer().listen(port);`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 1000,
        seccompProfile: { type: 'RuntimeDefault' },
        sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }],
      },
      containers: [
        {
          name: 'listener',
          image: IMAGES['downstream-mock-node'],
          command: ['node', '--eval', listen],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
  await kubectl(['--namespace', namespace, 'create', '--filename=-'], { input: JSON.stringify(pod) });
}
