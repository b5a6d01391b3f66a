import type { Node } from 'kubernetes-types/core/v1.d.ts';
import { getObject, kubectl, run } from './commands.ts';
import type { Farm } from './farm.ts';
import { readClusterSettings } from './settings.ts';

/** The names of the machines that run pods. */
export async function listMachines(): Promise<string[]> {
  const { items } = await getObject<{ items: Node[] }>(['nodes']);
  return items.filter(({ spec }) => !spec?.taints?.some(({ effect }) => effect === 'NoSchedule')).map(getName);
}

/** The machine that runs a pod, if one does. */
export async function findMachine(farm: Farm, pod: string): Promise<string | undefined> {
  return (await farm.getPod(pod)).spec?.nodeName;
}

/** Drains a machine of the farm's pods. @throws if that takes longer than `timeoutSeconds` */
export async function drain(machine: string, farm: Farm, timeoutSeconds: number): Promise<void> {
  const only = `--pod-selector=downstream-test=${farm.namespace}`;
  await kubectl(['drain', machine, '--ignore-daemonsets', only, `--timeout=${timeoutSeconds}s`], {
    timeoutMs: (timeoutSeconds + 10) * 1000,
  });
}

export async function uncordon(machine: string): Promise<void> {
  await kubectl(['uncordon', machine]);
}

/** Lets a machine fail without notice, or return. */
export async function switchPower(state: 'off' | 'on', machine: string): Promise<void> {
  const { power } = readClusterSettings();
  if (power === undefined) throw new Error('CLUSTER_POWER is not set');
  await run('sh', ['-c', `${power} "$@"`, 'sh', state, machine], { timeoutMs: 180_000 });
}

/** Removes a machine from the cluster, which its kubelet joins again when it starts. */
export async function deleteMachine(machine: string): Promise<void> {
  await kubectl(['delete', 'node', machine]);
}

/** Waits until a machine is ready, or is known to be lost. */
export async function waitForMachine(machine: string, condition: 'Ready' | 'Ready=Unknown'): Promise<void> {
  await kubectl(['wait', `--for=condition=${condition}`, `node/${machine}`, '--timeout=120s'], { timeoutMs: 130_000 });
}

function getName({ metadata }: Node): string {
  return metadata?.name ?? '';
}
