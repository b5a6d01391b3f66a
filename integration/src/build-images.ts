import { fileURLToPath } from 'node:url';
import { docker } from './docker.ts';
import { BASE_IMAGE, IMAGES } from './images.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Builds both images before the tests. */
export default async function buildImages(): Promise<void> {
  for (const [target, image] of Object.entries(IMAGES)) {
    const startedAt = performance.now();
    process.stdout.write(`\nbuilding ${image} … `);
    await docker(['build', '--target', target, '--tag', image, '--build-arg', `NODE_IMAGE=${BASE_IMAGE}`, ROOT], {
      env: { ...process.env, DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' },
      timeoutMs: 600_000,
    });
    process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  }
}
