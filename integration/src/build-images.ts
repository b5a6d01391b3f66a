import { docker } from './docker.ts';
import { IMAGES } from './images.ts';
import { ROOT, resolveBaseImage } from './pinned-images.ts';

/** Builds both images before the tests. */
export default async function buildImages(): Promise<void> {
  const base = await resolveBaseImage();
  for (const [target, image] of Object.entries(IMAGES)) {
    const startedAt = performance.now();
    process.stdout.write(`\nbuilding ${image} … `);
    await docker(['build', '--target', target, '--tag', image, '--build-arg', `NODE_IMAGE=${base}`, ROOT], {
      env: { ...process.env, DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' },
      timeoutMs: 600_000,
    });
    process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  }
}
