import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lint-rules-'));
  for (const name of ['biome.json', '.gitignore']) copyFileSync(join(root, name), join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Lints files with the repository's rules; returns the names of the violated rules per path. */
function lint(files: Readonly<Record<string, string>>): Record<string, string[]> {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${text}\n`);
  }
  const biome = join(root, 'node_modules/.bin/biome');
  const { stdout } = spawnSync(biome, ['lint', '--reporter=json', '--max-diagnostics=none'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const { diagnostics }: { diagnostics: Diagnostic[] } = JSON.parse(stdout);
  const rules = Map.groupBy(diagnostics, ({ location }) => location.path);
  return Object.fromEntries([...rules].map(([path, found]) => [path, found.map(({ category }) => category)]));
}

interface Diagnostic {
  readonly category: string;
  readonly location: { readonly path: string };
}

const FORBIDDEN: readonly (readonly [folder: string, line: string, rule: string])[] = [
  ['packages/heartbeat/src', "import 'node:fs';", 'noRestrictedImports'],
  ['packages/platform/src', "import '@downstream/protocol';", 'noRestrictedImports'],
  ['packages/control-api/src', "import '@downstream/platform';", 'noRestrictedImports'],
  ['packages/testcontainers/src', "import '@downstream/mock-node';", 'noRestrictedImports'],
  ['farmer/src/contract', "import 'node:crypto';", 'noRestrictedImports'],
  ['farmer/src/contract', "import '../farming/contract-table.ts';", 'noRestrictedImports'],
  ['farmer/src/farming', "import '../node/node-http.ts';", 'noRestrictedImports'],
  ['farmer/src/farming', "import 'axios';", 'noRestrictedImports'],
  ['farmer/src/node', "import '@downstream/mock-node';", 'noRestrictedImports'],
  ['farmer/src/page', "import '../state/state-store.ts';", 'noRestrictedImports'],
  ['mock-node/src/routes', "import '@downstream/farmer';", 'noRestrictedImports'],
  ['mock-node/src/ledger', "import 'express';", 'noRestrictedImports'],
  ['integration/src', "import '../../farmer/src/app.ts';", 'noRestrictedImports'],
  ['integration/src', "import '@downstream/mock-node';", 'noRestrictedImports'],
  ['farmer/src/http', 'export const value = process.env;', 'noProcessEnv'],
];

describe('The lint rules', () => {
  it('report every import and every access to the environment that crosses a boundary', () => {
    const files = FORBIDDEN.map(([folder, line, rule], index) => ({ path: `${folder}/file-${index}.ts`, line, rule }));
    const violations = lint(Object.fromEntries(files.map(({ path, line }) => [path, line])));
    expect(violations).toEqual(
      Object.fromEntries(files.map(({ path, rule }) => [path, [expect.stringContaining(rule)]])),
    );
  });

  it('report an import cycle', () => {
    const violations = lint({
      'packages/heartbeat/src/a.ts': "import './b.ts';",
      'packages/heartbeat/src/b.ts': "import './a.ts';",
    });
    expect(violations['packages/heartbeat/src/a.ts']).toEqual([expect.stringContaining('noImportCycles')]);
  });
});
