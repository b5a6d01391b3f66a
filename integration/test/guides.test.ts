import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlClient } from '@downstream/control-api';
import { describe, expect, it } from '@jest/globals';
import { extractCodeBlocks } from '../../test/support/transcript.ts';
import { docker, tryDocker } from '../src/docker.ts';
import { IMAGES, LABEL } from '../src/images.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

/** Declares the tests of an example, with the image of this run. */
async function declareTests(example: string): Promise<void> {
  const container = `new MockNodeContainer('${IMAGES['mock-node']}').withLabels(${JSON.stringify(LABEL)})`;
  const path = join(import.meta.dirname, `written-by-a-test-${randomBytes(4).toString('hex')}.ts`);
  writeFileSync(path, example.replace('new MockNodeContainer()', container));
  try {
    await import(path);
  } finally {
    rmSync(path);
  }
}

const inContainer = (markdown: string) =>
  extractCodeBlocks(markdown, 'ts').filter((block) => block.includes('new MockNodeContainer()'));

for (const guide of ['packages/testcontainers/README.md', 'docs/mock-node.md']) {
  const [example = '', ...others] = inContainer(read(guide));
  describe(`The example in ${guide}`, () => {
    it('exists and is the only one', () => {
      expect(example).not.toBe('');
      expect(others).toEqual([]);
    });
  });
  await declareTests(example);
}

describe('The Compose file in docs/mock-node.md', () => {
  it('starts a healthy node with the scenario of the guide', async () => {
    const [scenario = '', file = ''] = extractCodeBlocks(read('docs/mock-node.md'), 'yaml');
    const folder = mkdtempSync(join(tmpdir(), 'downstream-'));
    const project = `downstream-integration-${randomBytes(4).toString('hex')}`;
    const compose = ['compose', '--file', join(folder, 'compose.yaml'), '--project-name', project];
    try {
      writeFileSync(join(folder, 'scenario.yaml'), scenario, { mode: 0o644 });
      writeFileSync(join(folder, 'compose.yaml'), file.replace(/downstream-mock-node$/m, IMAGES['mock-node']));
      await docker([...compose, 'up', '--wait']);
      const control = new ControlClient(`http://${await docker([...compose, 'port', 'mock-node', '5001'])}`);
      expect(await control.getInfo()).toMatchObject({ seed: '7', scenario: 'maintenance' });
      await docker([...compose, 'exec', 'mock-node', 'node', '--eval', "fs.statSync('/state/node.db')"]);
    } finally {
      await tryDocker([...compose, 'down', '--volumes', '--timeout', '5']);
      rmSync(folder, { recursive: true });
    }
  });
});
