import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..');
const exclude = ['**/node_modules/**', '**/dist/**', '**/test/**', 'package-lock.json'];
const read = (path: string) => readFileSync(join(root, path), 'utf8');
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
  const target = path === '' ? document : join(dirname(document), path);
  if (!existsSync(join(root, target))) return true;
  if (anchor === undefined || statSync(join(root, target)).isDirectory()) return false;
  return !findAnchors(read(target)).includes(anchor);
}

/** The names of settings and metrics. */
function findNames(text: string): string[] {
  return text.match(/\b(?:(?:FARMER|MOCK)_[A-Z\d_]*[A-Z\d]|(?:farmer|mock_node)_[a-z\d_]*[a-z\d])\b/g) ?? [];
}

describe('documents', () => {
  const names = new Set(
    // Some settings are built from a prefix, so their complete names are only in the generated table.
    ['docs/settings.md', ...globSync('**/*.{ts,json,yaml,yml,env}', { cwd: root, exclude })].flatMap((path) =>
      findNames(read(path)),
    ),
  );
  const scripts = Object.keys(JSON.parse(read('package.json')).scripts);

  it.each(documents)('%s has no broken link', (document) => {
    expect(findLinks(read(document)).filter((link) => isBroken(document, link))).toEqual([]);
  });

  it.each(documents)('%s names only settings, metrics and npm scripts that exist', (document) => {
    const text = read(document);
    const isKnown = (name: string) => names.has(name) || names.has(name.replace(/_(bucket|count|sum)$/, ''));
    const used = [...text.matchAll(/npm run (?:-s |--silent )?([\w:-]+)/g)].map(([, script = '']) => script);
    expect({
      names: findNames(text).filter((name) => !isKnown(name)),
      scripts: used.filter((script) => !scripts.includes(script)),
    }).toEqual({ names: [], scripts: [] });
  });

  it('are checked: a missing file and a missing heading are broken links', () => {
    const links = findLinks('[a](missing.md) [b](README.md#missing) [c](README.md#start) [d](https://example.org)');
    expect(links.filter((link) => isBroken('README.md', link))).toEqual(['missing.md', 'README.md#missing']);
  });
});
