import { describe, expect, it } from '@jest/globals';
import { docker } from '../src/docker.ts';
import { IMAGES, LABEL_OPTIONS, REVISION } from '../src/images.ts';

const MIB = 1024 * 1024;

/** Lists executable files and links outside of node_modules and of the kernel's file systems. */
const LIST_PROGRAMS = `
  const exclude = (entry) => ['proc', 'sys', 'dev', 'node_modules'].includes(entry.name);
  const files = fs.globSync('**', { cwd: '/', exclude, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => parentPath.replace(/[/]$/, '') + '/' + name);
  console.log(JSON.stringify(paths.filter((path) => fs.statSync(path).mode & 0o111)));`;

describe.each(Object.values(IMAGES))('The image %s', (image) => {
  const inspect = async (format: string) =>
    JSON.parse(await docker(['image', 'inspect', '--format', `{{json ${format}}}`, image]));
  const evaluate = async (script: string) =>
    JSON.parse(
      await docker(['run', '--rm', ...LABEL_OPTIONS, '--user', '0:0', '--entrypoint', 'node', image, '--eval', script]),
    );

  it('has at most 180 MiB', async () => {
    expect((await inspect('.Size')) / MIB).toBeLessThanOrEqual(180);
  });

  it('contains no program but Node.js and its own', async () => {
    const programs: string[] = await evaluate(LIST_PROGRAMS);
    const own = image === IMAGES.farmer ? ['/app/farmer/bin/downstream.js'] : [];
    expect(programs.filter((path) => !/\.so[.\d]*$/.test(path)).sort()).toEqual([...own, '/usr/local/bin/node']);
  });

  it('names the Debian packages of its libraries for vulnerability scanners', async () => {
    const packages = await evaluate("console.log(JSON.stringify(fs.readdirSync('/var/lib/dpkg/status.d')))");
    expect(packages).toEqual(expect.arrayContaining(['base-files', 'libc6', 'libstdc++6']));
  });

  it('runs as an unprivileged numeric user', async () => {
    expect(await inspect('.Config.User')).toBe('1000:1000');
  });

  it('has descriptive labels', async () => {
    expect(await inspect('.Config.Labels')).toMatchObject({
      'org.opencontainers.image.title': expect.stringContaining('Downstream'),
      'org.opencontainers.image.description': expect.any(String),
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.version': expect.stringMatching(/^\d+\.\d+\.\d+/),
      'org.opencontainers.image.revision': REVISION,
    });
  });

  it('reports the commit that it was built from', async () => {
    const version = await docker(['run', '--rm', ...LABEL_OPTIONS, image, '--version']);
    expect(version).toMatch(new RegExp(`^\\d+\\.\\d+\\.\\d+ \\(commit ${REVISION.slice(0, 12)}\\)$`));
  });

  it('contains no sources, types, tests or compilers', async () => {
    const patterns = [
      '**/*.ts',
      '**/*.map',
      'packages/*/test',
      '*/test',
      'node_modules/*/test',
      'node_modules/typescript',
    ];
    const script = `console.log(JSON.stringify(fs.globSync(${JSON.stringify(patterns)}, { cwd: '/app' })))`;
    expect(await evaluate(script)).toEqual([]);
  });
});

describe('The image of the mock node', () => {
  const inspect = async (format: string) =>
    JSON.parse(await docker(['image', 'inspect', '--format', `{{json ${format}}}`, IMAGES['mock-node']]));

  it('exposes both ports and has a writable volume on a read-only root file system', async () => {
    expect(Object.keys(await inspect('.Config.ExposedPorts'))).toEqual(['5000/tcp', '5001/tcp']);
    expect(Object.keys(await inspect('.Config.Volumes'))).toEqual(['/state']);
    const script = `
      fs.writeFileSync('/state/node.db', '');
      const { uid, mode } = fs.statSync('/state');
      console.log(uid, (mode & 0o777).toString(8));`;
    const entry = ['--read-only', '--entrypoint', 'node', IMAGES['mock-node'], '--eval', script];
    expect(await docker(['run', '--rm', ...LABEL_OPTIONS, ...entry])).toBe('1000 700');
  });
});
