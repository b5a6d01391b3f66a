import { describe, expect, it } from '@jest/globals';
import { docker } from '../src/docker.ts';
import { BASE_IMAGE, IMAGES, LABEL_OPTIONS } from '../src/images.ts';

const MIB = 1024 * 1024;

describe.each(Object.values(IMAGES))('The image %s', (image) => {
  const inspect = async (format: string, of: string = image) =>
    JSON.parse(await docker(['image', 'inspect', '--format', `{{json ${format}}}`, of]));

  it('adds at most 40 MiB to its base', async () => {
    const added = (await inspect('.Size')) - (await inspect('.Size', BASE_IMAGE));
    expect(added / MIB).toBeLessThanOrEqual(40);
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
    });
  });

  it('contains no sources, types, tests or compilers', async () => {
    const left = await docker([
      ...['run', '--rm', '--entrypoint', 'sh', image, '-c'],
      'cd /app; find . -name "*.ts" -o -name "*.map"; ls -d packages/*/test */test node_modules/typescript; true',
    ]);
    expect(left).toBe('');
  });
});

describe('The image of the mock node', () => {
  const inspect = async (format: string) =>
    JSON.parse(await docker(['image', 'inspect', '--format', `{{json ${format}}}`, IMAGES['mock-node']]));

  it('exposes both ports and has a writable volume on a read-only root file system', async () => {
    expect(Object.keys(await inspect('.Config.ExposedPorts'))).toEqual(['5000/tcp', '5001/tcp']);
    expect(Object.keys(await inspect('.Config.Volumes'))).toEqual(['/state']);
    const command = 'touch /state/node.db && stat -c "%u %a" /state';
    const entry = ['--read-only', '--entrypoint', 'sh', IMAGES['mock-node'], '-c', command];
    expect(await docker(['run', '--rm', ...LABEL_OPTIONS, ...entry])).toBe('1000 700');
  });
});
