import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MODULES } from './render.ts';

/** Compiles objects as literals of their kinds' types, in which unknown fields are errors. Returns the output. */
export function typeCheck(objects: readonly { readonly kind: string; readonly [field: string]: unknown }[]): string {
  const folder = mkdtempSync(join(import.meta.dirname, '.typed-'));
  try {
    const imports = Object.entries(MODULES).map(([kind, module]) => `import type { ${kind} } from '${module}';`);
    const literals = objects.map((object, n) => `export const object${n}: ${object.kind} = ${JSON.stringify(object)};`);
    writeFileSync(join(folder, 'objects.ts'), [...imports, ...literals].join('\n'));
    const flags =
      '--ignoreConfig --noEmit --strict --skipLibCheck --module nodenext --allowImportingTsExtensions'.split(' ');
    const { stdout, status } = spawnSync('node_modules/.bin/tsc', [...flags, join(folder, 'objects.ts')], {
      cwd: join(import.meta.dirname, '../..'),
      encoding: 'utf8',
    });
    return status === 0 ? '' : stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
