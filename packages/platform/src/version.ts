import { readFileSync } from 'node:fs';
import { z } from 'zod';

export function readPackageVersion(packageJson: URL): string {
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(packageJson, 'utf8'))).version;
}
