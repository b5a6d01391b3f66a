import { docker } from './docker.ts';
import { IMAGES, REVISION } from './images.ts';
import { ROOT, resolveBaseImage } from './pinned-images.ts';

/** Builds both images before the tests. */
export default async function buildImages(): Promise<void> {
  const base = await resolveBaseImage();
  for (const [target, image] of Object.entries(IMAGES)) {
    const startedAt = performance.now();
    process.stdout.write(`\nbuilding ${image} … `);
    const args = [`NODE_IMAGE=${base}`, `REVISION=${REVISION}`].flatMap((arg) => ['--build-arg', arg]);
    await docker(['build', '--target', target, '--tag', image, ...args, ROOT], {
      env: { ...process.env, DOCKER_BUILDKIT: '1', BUILDKIT_PROGRESS: 'plain' },
      timeoutMs: 600_000,
    });
    process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
  }
}
