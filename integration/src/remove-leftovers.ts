import { docker, tryDocker } from './docker.ts';
import { IMAGES, LABEL_FILTER, NETWORK_PREFIX } from './images.ts';

/** Removes the images, and what interrupted tests left behind. */
export async function removeLeftovers(): Promise<void> {
  await removeAll(['ps', '--all', '--quiet', '--filter', LABEL_FILTER], ['rm', '--force', '--volumes']);
  await removeAll(['network', 'ls', '--quiet', '--filter', `name=${NETWORK_PREFIX}`], ['network', 'rm']);
  await removeAll(['volume', 'ls', '--quiet', '--filter', LABEL_FILTER], ['volume', 'rm']);
  // The layers stay in the build cache. There is no image after a failed build.
  await tryDocker(['image', 'rm', ...Object.values(IMAGES)]);
}

async function removeAll(list: readonly string[], remove: readonly string[]): Promise<void> {
  const left = await docker(list);
  if (left !== '') await docker([...remove, ...left.split('\n')]);
}
