import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatBuild, readBuild } from '@downstream/platform';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'build-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: string): URL {
  const path = join(folder, name);
  writeFileSync(path, content);
  return pathToFileURL(path);
}

describe('readBuild', () => {
  const readCommit = (content: string) =>
    readBuild(write('package.json', '{"version":"1.2.3"}'), write('commit', content)).commit;

  it.each([
    ['858913b1a2b3c4d5e6f708192a3b4c5d6e7f8091\n', '858913b1a2b3'],
    ['858913b1a2b3-dirty', '858913b1a2b3-dirty'],
    ['v1.2.3-4-g858913b', 'v1.2.3-4-g858913b'],
    ['unknown', 'unknown'],
    ['', 'unknown'],
    ['<b>"858913b"</b>', 'unknown'],
    ['x'.repeat(65), 'unknown'],
  ])('reads the commit from %j as %s', (content, commit) => {
    expect(readCommit(content)).toBe(commit);
  });

  it('says so if the commit is unknown', () => {
    const build = readBuild(write('package.json', '{"version":"1.2.3"}'), new URL('file:///nonexistent/commit'));
    expect(formatBuild(build)).toBe('1.2.3 (commit unknown)');
  });
});
