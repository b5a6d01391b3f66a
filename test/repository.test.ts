import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { renderFaultsDoc } from '../scripts/faults-doc.ts';
import { renderMetricsDoc } from '../scripts/metrics-doc.ts';
import { renderSettingsDoc } from '../scripts/settings-doc.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('the house', () => {
  it('runs on the pinned Node.js', () => {
    expect(process.versions.node.split('.')[0]).toBe(read('.nvmrc').trim());
  });

  it.each([
    ['packages/heartbeat/src', "import 'node:fs';"],
    ['packages/platform/src', "import '@downstream/protocol';"],
    ['packages/control-api/src', "import '@downstream/platform';"],
    ['packages/testcontainers/src', "import '@downstream/mock-node';"],
    ['farmer/src/contract', "import 'node:crypto';"],
    ['farmer/src/contract', "import '../farming/farm.ts';"],
    ['farmer/src/farming', "import '../node/node-http.ts';"],
    ['farmer/src/farming', "import 'axios';"],
    ['farmer/src/node', "import '@downstream/mock-node';"],
    ['farmer/src/page', "import '../state/state-store.ts';"],
    ['mock-node/src/routes', "import '@downstream/farmer';"],
    ['mock-node/src/ledger', "import 'express';"],
    ['integration/src', "import '../../farmer/src/app.ts';"],
    ['integration/src', "import '@downstream/mock-node';"],
    ['farmer/src/http', 'export const value = process.env;'],
  ])('has a wall: the lint finds what must not stand in %s: %s', (folder, line) => {
    const path = join(root, folder, 'planted-by-a-test.ts');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${line}\n`);
    try {
      const { status, stderr } = spawnSync('node_modules/.bin/biome', ['lint', path], { cwd: root, encoding: 'utf8' });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringMatching(/noRestrictedImports|noProcessEnv/),
      });
    } finally {
      rmSync(path);
    }
  });

  it('rejects import cycles', () => {
    const paths = ['a', 'b'].map((name) => join(root, `packages/heartbeat/src/planted-cycle-${name}.ts`));
    for (const [index, path] of paths.entries())
      writeFileSync(path, `import './planted-cycle-${index === 0 ? 'b' : 'a'}.ts';\n`);
    try {
      const { stderr } = spawnSync('node_modules/.bin/biome', ['lint', ...paths], { cwd: root, encoding: 'utf8' });
      expect(stderr).toContain('noImportCycles');
    } finally {
      for (const path of paths) rmSync(path);
    }
  });
});

describe('docs/settings.md', () => {
  it('matches the settings in the code; `npm run docs` writes it', () => {
    expect(read('docs/settings.md')).toBe(renderSettingsDoc());
  });
});

describe('docs/metrics.md', () => {
  it('is as the code declares the metrics: `npm run docs` writes it', () => {
    expect(read('docs/metrics.md')).toBe(renderMetricsDoc());
  });
});

describe('docs/faults.md', () => {
  it('is as the code declares the faults, and as the matrix promises: `npm run docs` writes it', () => {
    expect(read('docs/faults.md')).toBe(renderFaultsDoc());
  });
});

describe('docs/logs.md', () => {
  it('has every message that the services can log, with its level, and no other', () => {
    const sources = globSync('{farmer,mock-node,packages/platform}/src/**/*.ts', { cwd: root }).map(read).join('\n');
    const logged = [...sources.matchAll(/\blog\??\.(error|warn|info|debug)\(\s*'([^']+)'/g)];
    const told = [...read('docs/logs.md').matchAll(/^\| `(.+)` \| (error|warn|info|debug) \|/gm)];
    const inCode = logged.map(([, level, message]) => `${level}: ${message}`);
    expect(told.map(([, message, level]) => `${level}: ${message}`).sort()).toEqual([...new Set(inCode)].sort());
  });

  it('can know them: every message is a constant', () => {
    const sources = globSync('{farmer,mock-node,packages/platform}/src/**/*.ts', { cwd: root }).map(read).join('\n');
    expect(sources.match(/\blog\??\.(error|warn|info|debug)\(\s*[^'\s].*/g)).toBeNull();
  });
});
