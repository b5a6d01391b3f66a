import { describe, expect, it } from '@jest/globals';
import bannedWords from '../scripts/language/banned-words.json' with { type: 'json' };
import { checkLanguage } from '../scripts/language/language-check.ts';

/** Split, so that this file passes the check. */
const REBUILD = ['made', 'again'];
const CONSTANT = ['MOST', 'CHUNKS'].join('_');
const LONG = 'word '.repeat(25);

describe('checkLanguage', () => {
  it('reports a banned word with its line and its replacement', () => {
    expect(checkLanguage('a.md', `# Chunks\n\nA chunk is ${REBUILD.join(' ')}.\n`)).toEqual([
      { line: 3, message: expect.stringMatching(/^"made .*": use rebuild/) },
    ]);
  });

  it('finds a phrase across two lines of a comment', () => {
    expect(checkLanguage('a.ts', `/**\n * A chunk is ${REBUILD.join('\n * ')}.\n */`)).toHaveLength(1);
  });

  it('finds a banned word inside an identifier', () => {
    expect(checkLanguage('a.ts', `let is${['Rott', 'en'].join('')} = true;`)).toHaveLength(1);
  });

  it('reports constants with a superlative', () => {
    expect(checkLanguage('a.ts', `const ${CONSTANT} = 5;`)).toEqual([
      { line: 1, message: expect.stringMatching(/MAX_/) },
    ]);
  });

  it.each([
    ['a.ts', `  // ${LONG}`],
    ['a.ts', `const retries = 3; // ${LONG}`],
    ['a.yaml', `# ${LONG}`],
    ['a.md', LONG],
  ])('reports prose beyond 120 columns in %s', (path, text) => {
    expect(checkLanguage(path, text)).toEqual([{ line: 1, message: expect.stringMatching(/columns: wrap at 120$/) }]);
  });

  it.each([
    ['a.ts', `const help = '# ${LONG}';`],
    ['a.md', `| ${LONG} |`],
    ['a.md', `\`\`\`\n${LONG}\n\`\`\``],
    ['a.md', `[link](https://example.com/${'x'.repeat(120)})`],
  ])('accepts a long line that cannot be wrapped in %s', (path, text) => {
    expect(checkLanguage(path, text)).toEqual([]);
  });

  it('accepts ordinary English', () => {
    const text =
      'The farmer rebuilds a corrupt chunk before the deadline. At most 3 retries; at least one. It is alone.';
    expect(checkLanguage('a.md', text)).toEqual([]);
  });
});

describe('the list of banned words', () => {
  it('has a replacement for each entry', () => {
    for (const { words, use } of bannedWords)
      expect({ words, use }).toEqual({ words, use: expect.stringMatching(/\w/) });
  });
});
