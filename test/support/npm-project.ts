import { execFile } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const TIMEOUT_MS = 120_000;

/** As on a terminal: npm's variables would name this repository. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|FARMER_|MOCK_|INIT_CWD$)/i.test(name)),
);

/** An empty folder into which a user has installed the public packages. */
export class NpmProject implements Disposable {
  readonly folder: string;
  /** The packages, as `npm run pack` writes them. */
  readonly tarballs: string;

  private constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'npm-project-'));
    this.tarballs = mkdtempSync(join(tmpdir(), 'tarballs-'));
  }

  /** @param others packages to install beside them: `typescript@7.0.2` */
  static async install(...others: string[]): Promise<NpmProject> {
    const project = new NpmProject();
    try {
      const options = ['--', '--pack-destination', project.tarballs];
      await execute('npm', ['run', '--silent', 'pack', ...options], { cwd: ROOT });
      project.write('package.json', JSON.stringify({ type: 'module', private: true }));
      const packages = [...globSync(join(project.tarballs, '*.tgz')), ...others];
      await project.run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...packages);
      return project;
    } catch (error) {
      project[Symbol.dispose]();
      throw error;
    }
  }

  get environment(): Readonly<Record<string, string | undefined>> {
    return { ...ENVIRONMENT, PATH: [join(this.folder, 'node_modules/.bin'), ENVIRONMENT['PATH']].join(delimiter) };
  }

  write(path: string, content: string): void {
    writeFileSync(join(this.folder, path), content);
  }

  /** @returns what the command prints to standard output */
  async run(command: string, ...args: string[]): Promise<string> {
    return await execute(command, args, { cwd: this.folder });
  }

  async npx(...args: string[]): Promise<string> {
    return await this.run('npx', '--no-install', ...args);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
    rmSync(this.tarballs, { recursive: true });
  }
}

/** Compilers print errors to standard output, so an error contains it. */
async function execute(command: string, args: readonly string[], { cwd }: { cwd: string }): Promise<string> {
  const options = { cwd, env: ENVIRONMENT, timeout: TIMEOUT_MS };
  const { stdout } = await promisify(execFile)(command, args, options).catch((error: { stdout: string }) => {
    throw new Error(`${error}\n${error.stdout}`);
  });
  return stdout;
}
