import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startMockNode } from '@downstream/mock-node';
import { describe, expect, it } from '@jest/globals';
import { readScenarioFile } from '../mock-node/src/faults/scenario-file.ts';
import { TestFarm } from './support/test-farm.ts';
import { extractCodeBlocks, matchesTranscript, parseSteps, runInShell } from './support/transcript.ts';

const root = join(import.meta.dirname, '..');
const guide = readFileSync(join(root, 'docs/mock-node.md'), 'utf8');

describe('docs/mock-node.md', () => {
  it('shows the output of each command', async () => {
    await using farm = new TestFarm();
    // As in the guide except for its ports.
    const node = await startMockNode({ port: 0, controlPort: 0, seed: '42' });
    try {
      const ports = { '5000': node.port, '5001': node.controlPort };
      const steps = extractCodeBlocks(guide, 'console').flatMap(parseSteps);
      const commands = steps.map(({ command }) =>
        command.replace(/localhost:(5000|5001)/g, (_, port: '5000' | '5001') => `127.0.0.1:${ports[port]}`),
      );
      const printed = await runInShell(commands, { cwd: farm.folder });
      const seen = steps.map(({ command, printed: expected }, at) => {
        const output = (printed[at] ?? '').trim();
        return matchesTranscript(expected, output) ? { command, printed: expected } : { command, printed: output };
      });
      expect(seen).toEqual(steps);
      expect(steps.length).toBeGreaterThan(12);
    } finally {
      await node.close();
    }
  }, 60_000);

  it('contains a valid scenario', async () => {
    await using farm = new TestFarm();
    const [scenario = '', compose = ''] = extractCodeBlocks(guide, 'yaml');
    writeFileSync(join(farm.folder, 'scenario.yaml'), scenario);
    expect(readScenarioFile(join(farm.folder, 'scenario.yaml'))).toMatchObject({ name: 'maintenance' });
    expect(compose).toContain('MOCK_SCENARIO');
  });

  it('contains a test that passes', async () => {
    const [example = ''] = extractCodeBlocks(guide, 'ts');
    const path = join(root, 'test/generated-from-guide.test.ts');
    writeFileSync(path, example);
    try {
      const [output = ''] = await runInShell([`npm run --silent unit -- ${path} 2>&1; echo "exit $?"`], { cwd: root });
      expect(output).toContain('exit 0');
      expect(output).toContain('1 passed');
    } finally {
      rmSync(path);
    }
  }, 90_000);
});
