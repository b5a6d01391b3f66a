import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Identifies a build of a service. */
export interface Build {
  readonly version: string;
  /** The first 12 characters of the commit, with `-dirty` if other changes were built too; or `unknown`. */
  readonly commit: string;
}

/** `npm run build` writes it for a checkout, and the Dockerfile for an image. Sources have none. */
const COMMIT_FILE = new URL('./commit', import.meta.url);

/** @param packageJson of the service */
export function readBuild(packageJson: URL, commitFile: URL = COMMIT_FILE): Build {
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(packageJson, 'utf8')));
  return { version, commit: readCommit(commitFile) };
}

/** `0.1.0 (commit 858913b1a2b3)` */
export function formatBuild({ version, commit }: Build): string {
  return `${version} (commit ${commit})`;
}

function readCommit(file: URL): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch {
    return 'unknown';
  }
  const [, hash, suffix = ''] = /^([\da-f]{12})[\da-f]*(-dirty)?$/.exec(text) ?? [];
  if (hash !== undefined) return hash + suffix;
  // The build argument of an image may name the commit differently.
  return /^[\w.+-]{1,64}$/.test(text) ? text : 'unknown';
}
