import { join } from 'node:path';
import { docker } from '../../../integration/src/docker.ts';
import { resolveBaseImage } from '../../../integration/src/pinned-images.ts';
import { kubectl, run } from './commands.ts';
import { readClusterSettings } from './settings.ts';

const TAG = 'cluster-test';

/** The images of the tests, by their names in the manifests. */
export const IMAGES = {
  'downstream-farmer': `downstream-farmer:${TAG}`,
  'downstream-mock-node': `downstream-mock-node:${TAG}`,
} as const;

/** The tag of a build of the farmer whose proofs are all wrong. */
export const WRONG_PROOFS_TAG = `${TAG}-wrong-proofs`;

const ROOT = join(import.meta.dirname, '../../..');

/** Checks the cluster, and builds the images and loads them into it before the tests. */
export default async function prepareCluster(): Promise<void> {
  const { loadImages } = readClusterSettings();
  const machines = await kubectl(['get', 'nodes', '--output=name']);
  if (machines.split('\n').length < 2) throw new Error('the cluster tests need two machines that run pods');
  const base = await resolveBaseImage();
  for (const [name, image] of Object.entries(IMAGES))
    await build(image, [
      `--target=${name.replace('downstream-', '')}`,
      `--build-arg=NODE_IMAGE=${base}`,
      '--build-arg=REVISION=0123456789abcdef0123456789abcdef01234567',
      ROOT,
    ]);
  const wrongProofs = `downstream-farmer:${WRONG_PROOFS_TAG}`;
  await build(wrongProofs, [join(import.meta.dirname, 'wrong-proofs')]);
  const images = [...Object.values(IMAGES), wrongProofs];
  // The setting is a command line.
  await run('sh', ['-c', `${loadImages} "$@"`, 'sh', ...images], { timeoutMs: 300_000 });
}

async function build(image: string, args: readonly string[]): Promise<void> {
  await docker(['build', '--quiet', '--tag', image, ...args], { timeoutMs: 600_000 });
}
