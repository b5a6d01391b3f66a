import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The commit of a checkout, as the services show it: `858913b1a2b3`, with the suffix `-dirty` if tracked files have
 * been changed since. `unknown` without git or outside of a checkout; a repository around the folder does not count.
 */
export function findCommit(root: string): string {
  if (!existsSync(join(root, '.git'))) return 'unknown';
  // Git hooks set variables that override the folder.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_')));
  const args = ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'];
  try {
    return execFileSync('git', ['--no-optional-locks', ...args], {
      cwd: root,
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  } catch {
    return 'unknown';
  }
}

/** `npm run build`: stores the commit where `packages/platform/src/build.ts` reads it, so that no service runs git. */
if (import.meta.main) {
  const root = join(import.meta.dirname, '..');
  const path = join(root, 'packages/platform/dist/commit');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${findCommit(root)}\n`);
}
