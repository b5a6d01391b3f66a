import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const findAll = (pattern: RegExp, ...paths: string[]) =>
  paths.flatMap((path) => [...read(path).matchAll(pattern)].map(([, found = '']) => found));

interface LockedPackage {
  readonly version: string;
  readonly link?: true;
  readonly integrity?: string;
  readonly optional?: true;
  readonly os?: readonly string[];
}
const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> };
const installed = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && !link);

const { optionalDependencies } = JSON.parse(read('package.json')) as { optionalDependencies: Record<string, string> };

describe('the supply chain', () => {
  it('pins all images by digest', () => {
    const stages = findAll(/^FROM (?:.* AS (\S+))$/gm, 'Dockerfile');
    const bases = findAll(/^FROM (\S+)/gm, 'Dockerfile', '.devcontainer/Dockerfile');
    const images = findAll(/^ *image: (\S+)$/gm, 'docker-compose.yml');
    const own = new Set([...stages, 'scratch']);
    const foreign = [...bases.filter((base) => !base.startsWith('$') && !own.has(base)), ...images];
    expect(foreign.length).toBeGreaterThanOrEqual(4);
    expect(foreign.filter((image) => !/^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/.test(image))).toEqual([]);
  });

  it('pins all actions by commit and names their versions', () => {
    const uses = findAll(/uses: (.*)$/gm, ...globSync('.github/workflows/*.yml', { cwd: root }));
    expect(uses.length).toBeGreaterThan(0);
    expect(uses.filter((action) => !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual([]);
  });

  it('pins Node.js for each platform in the lock file, in the version of the images', () => {
    const expected = process.versions.node;
    expect(findAll(/^FROM node:([\d.]+)-/gm, 'Dockerfile', '.devcontainer/Dockerfile')).toEqual([expected, expected]);
    const locked = Object.keys(optionalDependencies).map((name) => packages[`node_modules/${name}`]);
    expect(locked.length).toBeGreaterThan(0);
    for (const each of locked)
      expect(each).toMatchObject({ version: expected, integrity: expect.stringMatching(/^sha512-/) });
  });

  it('names the oldest supported Node.js in each public package and its commands', () => {
    const manifests = globSync(['{farmer,mock-node}/package.json', 'packages/*/package.json'], { cwd: root });
    expect(manifests.length).toBeGreaterThanOrEqual(8);
    const commands = findAll(/^const OLDEST = \[(.*)\];$/gm, 'farmer/bin/downstream.js', 'mock-node/bin/mock-node.js');
    const supported = [
      ...manifests.map((path) => (JSON.parse(read(path)) as { engines: { node: string } }).engines.node),
      ...commands.map((oldest) => `>=${oldest.replace(', ', '.')}.0`),
    ];
    expect(commands).toHaveLength(2);
    expect([...new Set(supported)]).toEqual([supported[0]]);
  });

  it('has the integrity of each package in the lock file, except of tools for other platforms', () => {
    const missing = installed.filter(([, { integrity }]) => integrity === undefined);
    expect(missing.filter(([, { optional, os }]) => !(optional && os))).toEqual([]);
    const own = missing.filter(([path]) => path.endsWith(`${process.platform}-${process.arch}`));
    expect(own).toEqual([]);
  });
});
