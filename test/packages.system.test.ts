import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NpmProject } from './support/npm-project.ts';

const ROOT = join(import.meta.dirname, '..');
const TOOLS = join(ROOT, 'node_modules/.bin');
const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';
const FOLDERS = ['farmer', 'mock-node', ...globSync('packages/*', { cwd: ROOT }).sort()];

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const readManifest = (folder: string) =>
  JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest;
const { version, engines } = readManifest('farmer');
const [, oldest = ''] = /^>=(\d+\.\d+\.\d+)$/.exec(engines.node) ?? [];

let project: NpmProject;
beforeAll(async () => {
  const own = readManifest('.').devDependencies ?? {};
  project = await NpmProject.install(
    `node-${process.platform}-${process.arch}@${oldest}`,
    ...['typescript', '@types/node', '@jest/globals'].map((name) => `${name}@${own[name]}`),
  );
}, 180_000);
afterAll(() => project[Symbol.dispose]());

/** A mock node that a user starts with `npx`. */
class InstalledNode implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#process = child;
    this.url = url;
  }

  static async start(...args: string[]): Promise<InstalledNode> {
    const child = spawn('downstream-mock-node', ['--port', '0', '--control-port', '0', ...args], {
      env: project.environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface(child.stdout)) {
      const [, port] = /^mock-node ready api=:(\d+)/.exec(line) ?? [];
      if (port !== undefined) return new InstalledNode(child, `http://127.0.0.1:${port}`);
    }
    throw new Error('the mock node did not start');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exit;
  }
}

describe.each(FOLDERS)('the package %s', (folder) => {
  const getTarball = () => {
    const { name } = readManifest(folder);
    return join(project.tarballs, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
  };

  it('contains what its manifest names, with types that TypeScript finds', async () => {
    await project.run(join(TOOLS, 'publint'), '--strict', getTarball());
    await project.run(join(TOOLS, 'attw'), '--profile', 'esm-only', getTarball());
  });

  it('contains README and licence, and neither tests nor build state', async () => {
    const files = (await project.run('tar', '-tzf', getTarball())).trim().split('\n');
    expect(files).toEqual(expect.arrayContaining(['package/README.md', 'package/LICENSE']));
    expect(files.filter((file) => /\/(test|node_modules)\/|tsbuildinfo/.test(file))).toEqual([]);
  });
});

describe('the installed packages', () => {
  it('run with the oldest supported version of Node.js', async () => {
    expect(await project.npx('node', '--version')).toBe(`v${oldest}\n`);
    expect(await project.npx('downstream', '--version')).toContain(version);
    expect(await project.npx('downstream-mock-node', '--version')).toContain(version);
  });

  it('contain a manual page that a global installation links', async () => {
    const prefix = join(project.folder, 'global');
    const options = ['--global', '--prefix', prefix, '--prefer-offline', '--no-audit', '--no-fund'];
    await project.run('npm', 'install', ...options, ...globSync(join(project.tarballs, '*.tgz')));
    expect(readFileSync(join(prefix, 'share/man/man1/downstream.1'), 'utf8')).toContain('.TH DOWNSTREAM 1');
  }, 60_000);

  it('check a machine, and farm until a challenge has passed', async () => {
    await using node = await InstalledNode.start('--interval', '5');
    const settings = ['--init', '--http-port', '0', '--data-dir', join(project.folder, 'farm'), '--address', ADDRESS];
    const args = [...settings, '--size', '64MiB', node.url];
    expect(await project.npx('downstream', 'check', ...args)).toContain('errors: 0');
    expect(await project.npx('downstream', '-n', '1', ...args)).toContain('farmer stopped');
  }, 60_000);

  it('compile and run as their READMEs show', async () => {
    await using node = await InstalledNode.start();
    mkdirSync(join(project.folder, 'src'));
    const names = FOLDERS.flatMap((folder) => {
      const [, example] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, folder, 'README.md'), 'utf8')) ?? [];
      if (example === undefined) return [];
      project.write(`src/${basename(folder)}.ts`, example.replaceAll('http://localhost:5000', node.url));
      return [basename(folder)];
    });
    expect(names).toEqual(expect.arrayContaining(['farmer', 'heartbeat', 'mock-node', 'testcontainers']));
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2024',
      strict: true,
      types: ['node'],
      outDir: 'out',
      rootDir: 'src',
    };
    project.write('tsconfig.json', JSON.stringify({ compilerOptions, include: ['src'] }));
    await project.npx('tsc', '-p', '.');
    expect(await project.npx('node', 'out/farmer.js')).toBe('passed\n');
    expect(await project.npx('node', 'out/mock-node.js')).toBe('200\n');
  }, 60_000);
});
