import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');
const exclude = ['**/node_modules/**', '**/dist/**'];
const documents = globSync('**/*.md', { cwd: root, exclude });

/** The targets of links and images, outside of code blocks. */
function findLinks(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The anchors that GitHub generates from headings. */
function findAnchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function isBroken(document: string, link: string): boolean {
  if (/^\w+:/.test(link)) return false;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(root, document) : join(root, dirname(document), path);
  if (!existsSync(target)) return true;
  if (anchor === undefined || statSync(target).isDirectory()) return false;
  return !findAnchors(readFileSync(target, 'utf8')).includes(anchor);
}

describe('Markdown links', () => {
  it.each(documents)('resolve in %s', (document) => {
    const links = findLinks(readFileSync(join(root, document), 'utf8'));
    expect(links.filter((link) => isBroken(document, link))).toEqual([]);
  });

  it('are checked: a missing file and a missing heading are found', () => {
    const links = findLinks('[a](missing.md) [b](README.md#missing) [c](README.md#start) [d](https://example.org)');
    expect(links.filter((link) => isBroken('README.md', link))).toEqual(['missing.md', 'README.md#missing']);
  });
});
