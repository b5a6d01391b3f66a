import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const GUIDE = readFileSync(join(import.meta.dirname, '../../docs/kubernetes.md'), 'utf8');

/**
 * The code blocks of one language in a section of docs/kubernetes.md, without those of its subsections.
 *
 * @throws Error if the section or its blocks do not exist
 */
export function readCodeBlocks(heading: string, language: string): string[] {
  const blocks = [...readSection(heading).matchAll(/^( *)```(\w+)\n(.*?)^ *```$/gms)]
    .filter(([, , found]) => found === language)
    .map(([, indent = '', , text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
  if (blocks.length === 0) throw new Error(`docs/kubernetes.md: no ${language} block in the section "${heading}"`);
  return blocks;
}

/** The first column of the table in a section of docs/kubernetes.md, without the code marks. */
export function readFirstColumn(heading: string): string[] {
  const rows = [...readSection(heading).matchAll(/^\| `([^`]+)` \|/gm)];
  return rows.map(([, cell = '']) => cell);
}

function readSection(heading: string): string {
  const section = GUIDE.split(/^##+ /m).find((text) => text.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`docs/kubernetes.md: no section "${heading}"`);
  return section;
}
