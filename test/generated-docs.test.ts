import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { renderFaultsDoc } from '../scripts/faults-doc.ts';
import { renderManPage } from '../scripts/man-page.ts';
import { renderMetricsDoc } from '../scripts/metrics-doc.ts';
import { renderSettingsDoc } from '../scripts/settings-doc.ts';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

describe('The tests', () => {
  it('run on the Node.js version in .nvmrc', () => {
    expect(process.versions.node.split('.')[0]).toBe(read('.nvmrc').trim());
  });
});

describe('docs/settings.md', () => {
  it('matches the settings in the code; `npm run docs` writes it', () => {
    expect(read('docs/settings.md')).toBe(renderSettingsDoc());
  });
});

describe('docs/metrics.md', () => {
  it('matches the metrics in the code; `npm run docs` writes it', () => {
    expect(read('docs/metrics.md')).toBe(renderMetricsDoc());
  });
});

describe('docs/faults.md', () => {
  it('matches the faults in the code and the matrix; `npm run docs` writes it', () => {
    expect(read('docs/faults.md')).toBe(renderFaultsDoc());
  });
});

describe('farmer/man/downstream.1', () => {
  it('matches the command line in the code; `npm run docs` writes it', () => {
    expect(read('farmer/man/downstream.1')).toBe(renderManPage());
  });
});

describe('docs/logs.md', () => {
  it('lists each message that the services log, with its level, and no others', () => {
    const sources = globSync('{farmer,mock-node,packages/platform}/src/**/*.ts', { cwd: root }).map(read).join('\n');
    const logged = [...sources.matchAll(/\blog\??\.(error|warn|info|debug)\(\s*'([^']+)'/g)];
    const documented = [...read('docs/logs.md').matchAll(/^\| `(.+)` \| (error|warn|info|debug) \|/gm)];
    const inCode = logged.map(([, level, message]) => `${level}: ${message}`);
    expect(documented.map(([, message, level]) => `${level}: ${message}`).sort()).toEqual([...new Set(inCode)].sort());
  });

  it('is complete, because every log message is a constant', () => {
    const sources = globSync('{farmer,mock-node,packages/platform}/src/**/*.ts', { cwd: root }).map(read).join('\n');
    expect(sources.match(/\blog\??\.(error|warn|info|debug)\(\s*[^'\s].*/g)).toBeNull();
  });
});
