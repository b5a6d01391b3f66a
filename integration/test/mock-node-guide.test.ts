import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlClient } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import { docker } from '../src/docker.ts';
import { IMAGES } from '../src/images.ts';

const guide = readFileSync(new URL('../../docs/mock-node.md', import.meta.url), 'utf8');
const blocksOf = (language: string) =>
  [...guide.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block]) => block ?? '');

/** The example with testcontainers is a test file by itself: its tests become some of this one. */
const example = blocksOf('ts').find((block) => block.includes('MockNodeContainer')) ?? '';
const written = new URL('written-from-the-guide.ts', import.meta.url);
writeFileSync(written, example.replace('new MockNodeContainer()', `new MockNodeContainer('${IMAGES['mock-node']}')`));
try {
  await import(written.href);
} finally {
  rmSync(written);
}

describe('the compose example of docs/mock-node.md', () => {
  it('runs the node with the scenario that the page has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'downstream-guide-'));
    const [scenario = '', compose = ''] = blocksOf('yaml');
    writeFileSync(join(folder, 'scenario.yaml'), scenario, { mode: 0o644 });
    writeFileSync(
      join(folder, 'compose.yaml'),
      compose.replace('image: downstream-mock-node', `image: ${IMAGES['mock-node']}`),
    );
    const command = ['compose', '--file', join(folder, 'compose.yaml')];
    try {
      await docker([...command, 'up', '--wait'], { timeoutMs: 120_000 });
      const control = new ControlClient(`http://${await docker([...command, 'port', 'mock-node', '5001'])}`);
      expect(await control.info()).toMatchObject({ seed: '7', scenario: 'maintenance' });
      expect((await control.faults()).map(({ name }) => name)).toEqual(['busy', 'down', 'forgot']);
    } finally {
      await docker([...command, 'down', '--volumes']);
      rmSync(folder, { recursive: true });
    }
  });
});
