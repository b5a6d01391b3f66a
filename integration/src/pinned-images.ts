import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { tryDocker } from './docker.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Returns the image to use for one that is pinned by digest: itself, or where it cannot be pulled, the local image of
 * the same tag, which `.ci/air-gapped` builds.
 *
 * @param pinned `name:tag@sha256:…`
 */
export async function resolveImage(pinned: string): Promise<string> {
  const isAvailable =
    (await tryDocker(['image', 'inspect', pinned])).exitCode === 0 ||
    (await tryDocker(['pull', '--quiet', pinned], { timeoutMs: 150_000 })).exitCode === 0;
  return isAvailable ? pinned : pinned.replace(/@.*/, '');
}

/** The base image in the Dockerfile. `NODE_IMAGE` overrides it. */
export async function resolveBaseImage(): Promise<string> {
  const [, pinned = ''] = /^FROM (\S+) AS pinned$/m.exec(readFileSync(`${ROOT}/Dockerfile`, 'utf8')) ?? [];
  return process.env['NODE_IMAGE'] ?? (await resolveImage(pinned));
}
