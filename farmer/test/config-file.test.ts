import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readCommandConfig, readConfig, readNodeConfig } from '../src/config.ts';

const ADDRESS = '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV';

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-file-'));
  path = join(folder, 'farmer.yaml');
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(content: string | Uint8Array, env: Record<string, string> = {}) {
  writeFileSync(path, content);
  return readConfig({ env: { FARMER_ADDRESS: ADDRESS, FARMER_CONFIG: path, ...env } });
}

describe('The configuration file', () => {
  it('sets every kind of setting under the name of its flag', () => {
    const config = read(`
# The farm in the cellar.
node-url: [https://a.example=3, https://b.example]
node-alias: main,backup
data-dir:
  - /mnt/a/farm=500GB
  - /mnt/b/farm=1TB
init: true
min-free: 0
workers: 3
alias: 0123
scrub-cycle: "12h"
proxy: 'http://user:pass@proxy:3128'
log-level:
`);
    expect(config).toMatchObject({
      nodes: [{ alias: 'main', url: 'https://a.example', share: 0.75 }, { alias: 'backup' }],
      disks: [{ path: '/mnt/a/farm', sizeBytes: 500e9 }, { path: '/mnt/b/farm' }],
      init: true,
      minFreeBytes: 0,
      workers: 3,
      alias: '0123',
      scrubCycleMs: 43_200_000,
      proxyUrl: 'http://user:pass@proxy:3128/',
      logLevel: 'info',
    });
  });

  it('is overridden by the environment, and the environment by flags', () => {
    const content = 'workers: 1\nsize: 1GB\nhttp-port: 1';
    expect(read(content, { FARMER_WORKERS: '2' })).toMatchObject({ workers: 2, httpPort: 1 });
    const env = { FARMER_ADDRESS: ADDRESS, FARMER_CONFIG: path, FARMER_WORKERS: '2' };
    expect(readConfig({ env, flags: { workers: '3' } })).toMatchObject({ workers: 3, disks: [{ sizeBytes: 1e9 }] });
  });

  it('is found by flag or variable, and the flag takes precedence', () => {
    writeFileSync(path, 'data-dir: /srv/farm');
    expect(readCommandConfig({ env: {}, flags: { configPath: path } })).toEqual({ dataDir: '/srv/farm' });
    expect(readCommandConfig({ env: { FARMER_CONFIG: '/x' }, flags: { configPath: path } })).toMatchObject({});
    expect(readNodeConfig({ env: { FARMER_CONFIG: path } })).toMatchObject({ url: 'http://localhost:5000' });
  });

  it('is valid as in the example of the guide, apart from its secret', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/operate.md'), 'utf8');
    const [, example = ''] = /```yaml\n(address:.*?)```/s.exec(guide) ?? [];
    const secret = join(folder, 'proxy');
    writeFileSync(secret, 'http://proxy:3128');
    expect(read(example.replace('/etc/downstream/proxy', secret))).toMatchObject({
      nodes: [{ share: 0.75 }, { share: 0.25 }],
      disks: [{ path: '/mnt/a/farm' }, { path: '/mnt/b/farm' }],
      proxyUrl: 'http://proxy:3128/',
    });
  });

  it.each(['', '# only a comment\n', '---\n...\n'])('may be empty: %j', (content) => {
    expect(read(content)).toMatchObject({ httpPort: 8080 });
  });

  it('may come from Windows', () => {
    expect(read('\uFEFFworkers: 3\r\nhttp-port: 81\r\n')).toMatchObject({ workers: 3, httpPort: 81 });
  });

  it.each([
    ['workers: many', /^workers in .*\.yaml:1: expected an integer from 1 to 64 \(got "many"\)$/],
    ['\nsize: [1GB]', /^size in .*\.yaml:2: expected a size above 0.* \(got a list\)$/],
    ['size:\n  bytes: 5', /^size in .*\.yaml:1: expected a size above 0.* \(got nested settings\)$/],
    ['node-url: ["http://a,http://b"]', /^node-url in .*\.yaml:1: expected a list of texts without commas/],
    ['node-url: [[http://a]]', /^node-url in .*\.yaml:1: expected a list of texts/],
    ['workers: 1\nworkers: 2', /^workers in .*\.yaml:2 is already set in .*\.yaml:1: remove one of them$/],
    ['init: yes', /^init in .*\.yaml:1: expected true or false \(got "yes"\)$/],
    ['siz: 1GB', /^.*\.yaml:1: unknown setting "siz": did you mean size\?$/],
    ['data_dir: /srv', /unknown setting "data_dir": did you mean data-dir\?$/],
    ['FARMER_HTTP_PORT: 1', /unknown setting "FARMER_HTTP_PORT": did you mean http-port\?$/],
    ['zzz: 1', /unknown setting "zzz": see downstream --help for all settings$/],
    ['config: /etc/other.yaml', /unknown setting "config"/],
    ['<<: {size: 1GB}', /unknown setting "<<"/],
    ['? [a]\n: 1', /unknown setting ""/],
    ['size: &a 1GB\nmin-free: *a', /^min-free in .*\.yaml:2: aliases are not supported: write the value$/],
    ['proxy-file: secret', /^proxy-file in .*\.yaml:1: expected the complete path of a file/],
    ['FARMER_SIZE=1GB', /^.*\.yaml:1: expected settings: write one setting per line, such as size: 500GB$/],
    ['- size: 1GB', /expected settings/],
    ['size: 1GB\n\tworkers: 1', /\.yaml:2: invalid YAML \(.*\): write one setting per line/],
    ['size: "1GB', /\.yaml:1: invalid YAML \(Missing closing "quote\)/],
    ['size: 1GB\n---\nsize: 2GB', /\.yaml:2: invalid YAML \(More than one document\)/],
  ])('is rejected with the line and a remedy: %j', (content, message) => {
    expect(() => read(content)).toThrow(expect.objectContaining({ code: 'invalid_settings' }));
    expect(() => read(content)).toThrow(message);
  });

  it('is rejected with all its errors at once', () => {
    expect(() => read('siz: 1\nworkers: [2]')).toThrow(/unknown setting "siz".*\nworkers in /);
  });

  it.each([
    'proxy: |hunter2@proxy',
    'proxy: "http://me:\\hunter2@proxy"',
    'proxy: !hunter2@proxy x',
    'proxy: *hunter2@proxy',
    'proxy: @hunter2',
    'proxy: http://me:hunter2@proxy/path',
    'http://me:hunter2@proxy: x',
    'http://me:hunter2@proxy',
  ])('is rejected without showing a password: %s', (content) => {
    expect(() => read(content)).toThrow(/\.yaml:1/);
    expect(() => read(content)).not.toThrow('hunter2');
  });

  it('must be a text file of at most 64 KiB', () => {
    const read = (file: string) => () => readConfig({ env: {}, flags: { configPath: file } });
    const expectProblem = (file: string, problem: string) =>
      expect(read(file)).toThrow(
        `--config: the configuration file ${file} cannot be read (${problem}): set the path of a YAML file`,
      );
    expectProblem('/nonexistent/x.yaml', 'ENOENT');
    expectProblem(folder, 'not a regular file');
    expectProblem('/dev/zero', 'not a regular file');
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expectProblem(pipe, 'not a regular file');
    writeFileSync(path, '#'.repeat(64 * 1024 + 1));
    expectProblem(path, 'larger than 65536 bytes');
    writeFileSync(path, Buffer.from('\ufeffsize: 1GB', 'utf16le'));
    expectProblem(path, 'not a text in UTF-8');
    expect(() => readConfig({ env: { FARMER_CONFIG: '~/x.yaml' } })).toThrow(
      'FARMER_CONFIG: expected the path of a YAML file (got "~/x.yaml": ~ is not expanded here',
    );
  });

  it.each([
    [
      'many aliases',
      `size: &a [${'x,'.repeat(100)}x]\nalias: &b [${'*a,'.repeat(100)}x]\nworkers: [${'*b,'.repeat(99)}*b]`,
    ],
    ['deep lists', `size: ${'['.repeat(15_000)}`],
    ['many keys', Array.from({ length: 2_000 }, (_, at) => `k${at}: 1`).join('\n')],
    ['many repeated keys', 'size: 1\n'.repeat(2_000)],
    ['a long line', `size: ${'x'.repeat(65_000)}`],
  ])('is rejected soon if it contains %s', (_, content) => {
    const startedAt = performance.now();
    expect(() => read(content)).toThrow(/\.yaml:\d/);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
