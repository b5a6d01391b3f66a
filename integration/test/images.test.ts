import { describe, expect, it } from '@jest/globals';
import { docker } from '../src/docker.ts';
import { BASE_IMAGE, IMAGES, LABEL_OPTIONS } from '../src/images.ts';

const MIB = 1024 * 1024;

describe.each(Object.values(IMAGES))('the image %s', (image) => {
  const look = async (format: string, of: string = image) =>
    JSON.parse(await docker(['image', 'inspect', '--format', `{{json ${format}}}`, of]));

  it('adds at most 40 MiB to its base', async () => {
    const added = (await look('.Size')) - (await look('.Size', BASE_IMAGE));
    expect(added / MIB).toBeLessThanOrEqual(40);
  });

  it('runs as a numeric user without rights', async () => {
    expect(await look('.Config.User')).toBe('1000:1000');
  });

  it('says what it is', async () => {
    expect(await look('.Config.Labels')).toMatchObject({
      'org.opencontainers.image.title': expect.stringContaining('Downstream'),
      'org.opencontainers.image.description': expect.any(String),
      'org.opencontainers.image.licenses': 'MIT',
      'org.opencontainers.image.version': expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  it('holds no sources, types, tests or compilers of ours', async () => {
    const left = await docker([
      ...['run', '--rm', '--entrypoint', 'sh', image, '-c'],
      'cd /app; find . -name "*.ts" -o -name "*.map"; ls -d packages/*/test */test node_modules/typescript; true',
    ]);
    expect(left).toBe('');
  });
});

describe('the image of the mock node', () => {
  const look = async (format: string) =>
    JSON.parse(await docker(['image', 'inspect', '--format', `{{json ${format}}}`, IMAGES['mock-node']]));

  it('shows both ports, and has a place for its state on a root that cannot be written to', async () => {
    expect(Object.keys(await look('.Config.ExposedPorts'))).toEqual(['5000/tcp', '5001/tcp']);
    expect(Object.keys(await look('.Config.Volumes'))).toEqual(['/state']);
    const command = 'touch /state/node.db && stat -c "%u %a" /state';
    const entry = ['--read-only', '--entrypoint', 'sh', IMAGES['mock-node'], '-c', command];
    expect(await docker(['run', '--rm', ...LABEL_OPTIONS, ...entry])).toBe('1000 700');
  });
});
