import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, it } from '@jest/globals';
import { describeWith } from '../../test/support/tools.ts';
import { renderKubernetesFiles } from '../src/files.ts';

const folder = join(import.meta.dirname, '..');
const WRITTEN_BY_HAND = ['chart/templates/NOTES.txt'];

describeWith(['kubectl'], 'generated files', () => {
  it('match what `npm run kubernetes` writes', () => {
    const generated = renderKubernetesFiles();
    for (const { path, text } of generated) expect({ path, text: readFileSync(path, 'utf8') }).toEqual({ path, text });
    const found = readdirSync(join(folder, 'chart'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
    const expected = generated.map(({ path }) => relative(folder, path)).filter((path) => path.startsWith('chart/'));
    expect(found.sort()).toEqual([...expected, ...WRITTEN_BY_HAND].sort());
  });
});
