import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './test-farm.ts';

const PROGRAM = join(import.meta.dirname, 'faulty-fs.py');

/** The error of each failing operation. `quota` limits the bytes of all files. */
export type FileSystemFaults = Readonly<Record<string, string | number>>;

/** A FUSE file system whose operations fail on request, in its own process. Disposal unmounts and deletes it. */
export class FaultyDisk implements AsyncDisposable {
  readonly #root: string;
  readonly #server: ChildProcess;

  private constructor(root: string, server: ChildProcess) {
    this.#root = root;
    this.#server = server;
  }

  static async mount(faults: FileSystemFaults = {}): Promise<FaultyDisk> {
    const root = mkdtempSync(join(tmpdir(), 'faulty-disk-'));
    const [files, path, faultFile] = ['files', 'disk', 'faults.json'].map((name) => join(root, name));
    if (files === undefined || path === undefined || faultFile === undefined) throw new Error('unreachable');
    for (const folder of [files, path]) mkdirSync(folder);
    writeFileSync(faultFile, JSON.stringify(faults));
    const before = statSync(path).dev;
    const server = spawn('/usr/bin/python3', [PROGRAM, files, path, faultFile], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const disk = new FaultyDisk(root, server);
    await until(
      () => server.exitCode !== null || statSync(path).dev !== before,
      (isDone) => isDone,
    );
    if (server.exitCode !== null) throw new Error('the file system was not mounted');
    return disk;
  }

  /** The mount point. */
  get path(): string {
    return join(this.#root, 'disk');
  }

  /** Everything that is stored, read without the file system. */
  listFiles(): string[] {
    return readdirSync(join(this.#root, 'files'), { recursive: true, encoding: 'utf8' }).sort();
  }

  /** The size of all files. */
  countBytes(): number {
    const files = join(this.#root, 'files');
    return this.listFiles().reduce((sum, name) => sum + statSync(join(files, name)).size, 0);
  }

  setFaults(faults: FileSystemFaults): void {
    const path = join(this.#root, 'faults.json');
    // The server reads the file for every operation, and must not find a part of it.
    writeFileSync(`${path}.new`, JSON.stringify(faults));
    renameSync(`${path}.new`, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    spawnSync('fusermount', ['-uz', this.path]);
    if (this.#server.exitCode === null) {
      this.#server.kill('SIGKILL');
      await once(this.#server, 'exit');
    }
    rmSync(this.#root, { recursive: true, force: true });
  }
}
