import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { parse } from 'yaml';
import { inContext, run } from './commands.ts';
import type { Farm } from './farm.ts';
import { IMAGES } from './images.ts';

// The steps of docs/kubernetes.md.

const MANIFEST = join(import.meta.dirname, '../../restore/pod.yaml');

/** Writes a backup of a running farmer to a file of this computer. */
export async function backUp(farm: Farm, pod: string, path: string): Promise<void> {
  const args = ['--namespace', farm.namespace, 'exec', pod, '--', 'downstream', 'backup', '-'];
  await run('sh', ['-c', 'umask 077; file=$1; shift; kubectl "$@" > "$file"', 'sh', path, ...inContext(args)]);
}

/** Gives a farmer a new volume. @returns why it does not start with it */
export async function replaceVolume(farm: Farm, pod: string): Promise<string | undefined> {
  await farm.kubectl(['delete', 'pvc', `data-${pod}`, '--wait=false']);
  await farm.kubectl(['delete', 'pod', pod]);
  const { status } = await farm.untilPod(`${pod} to refuse its new volume`, pod, (found) =>
    Boolean(found.status?.containerStatuses?.[0]?.lastState?.terminated),
  );
  return status?.containerStatuses?.[0]?.lastState?.terminated?.message;
}

/**
 * Restores the state of a farmer, and leaves it stopped: the farm has no StatefulSet until it is applied again.
 *
 * @returns the output of `downstream restore`
 */
export async function restore(farm: Farm, pod: string, backup: string): Promise<string> {
  await farm.kubectl(['delete', 'statefulset', 'farmer', '--cascade=orphan', '--ignore-not-found']);
  await farm.kubectl(['delete', 'pod', pod]);
  await createRestorePod(farm, pod);
  await farm.waitForPod('restore');
  await farm.kubectl(['attach', '--stdin', 'restore'], { input: readFileSync(backup) });
  await farm.kubectl(['wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/restore', '--timeout=60s']);
  const output = await farm.kubectl(['logs', 'restore']);
  await farm.kubectl(['delete', 'pod', 'restore']);
  return output;
}

/** Creates the pod `restore` for the volume of a farmer, on a machine that is chosen by the scheduler or named. */
export async function createRestorePod(farm: Farm, farmer: string, nodeName?: string): Promise<void> {
  const pod: Pod = parse(
    readFileSync(MANIFEST, 'utf8')
      .replace('data-farmer-0', `data-${farmer}`)
      .replace(/downstream-farmer:\S+/, IMAGES['downstream-farmer']),
  );
  const input = JSON.stringify({ ...pod, spec: { ...pod.spec, nodeName } });
  await farm.kubectl(['create', '--filename=-'], { input });
}
