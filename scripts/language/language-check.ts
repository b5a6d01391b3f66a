import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import bannedWords from './banned-words.json' with { type: 'json' };

export interface Violation {
  /** 1-based. */
  readonly line: number;
  readonly message: string;
}

const MAX_COLUMNS = 120;
const CODE = ['.ts', '.js', '.css', '.html', '.sh', '.yaml', '.yml', ''];
const CHECKED = [...CODE, '.md', '.json'];
/** Generated files, data, and the word list itself. */
const SKIPPED = /(^|\/)fixtures\/|^package-lock\.json$|^LICENSE$|^grafana\/dashboards\/|banned-words\.json$/;

const RULES = bannedWords.flatMap(({ words, use }) => words.map((word) => ({ pattern: toPattern(word), use })));

/** Returns the violations of the language rules in one file's text. */
export function checkLanguage(path: string, text: string): Violation[] {
  // Identifiers are checked word by word: `isOpen` reads "is Open".
  const prose = text.replace(/(?<=[a-z])(?=[A-Z])/g, ' ');
  const words = RULES.flatMap(({ pattern, use }) =>
    [...prose.matchAll(pattern)].map(({ 0: found, index }) => ({
      line: prose.slice(0, index).split('\n').length,
      message: `"${found.replace(/\s[\s*/#]*/g, ' ')}": use ${use}`,
    })),
  );
  return [...words, ...checkColumns(path, text)].sort((a, b) => a.line - b.line);
}

/** Matches whole words in prose and identifiers, across the line breaks of a comment. */
function toPattern(words: string): RegExp {
  return new RegExp(`(?<![A-Za-z])(?:${words.replaceAll(' ', '[\\s*/#_-]+')})(?![A-Za-z])`, 'gi');
}

function checkColumns(path: string, text: string): Violation[] {
  const isTooLong = extname(path) === '.md' ? isLongProse : isLongComment;
  let isFenced = false;
  return text.split('\n').flatMap((content, index) => {
    if (/^\s*(```|~~~)/.test(content)) isFenced = !isFenced;
    if (content.length <= MAX_COLUMNS || isFenced || !isTooLong(content)) return [];
    return [{ line: index + 1, message: `${content.length} columns: wrap at ${MAX_COLUMNS}` }];
  });
}

/** Tables and a single long link cannot be wrapped. */
function isLongProse(line: string): boolean {
  return !/^\s*\|/.test(line) && !/^\s*(?:[-*] |\d+\. )?!?\[[^\]]*\]\([^)]*\)[.,:;]?$/.test(line);
}

/** The formatter wraps code, but not comments. */
function isLongComment(line: string): boolean {
  const withoutStrings = line.replace(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`(?:\\.|[^`\\])*`/g, '""');
  return /^\s*(?:\/\/|\/?\*|#|<!--)|\s(?:\/\/|\/\*|# )/.test(withoutStrings);
}

/** `npm run lint:language [-- PATH…]`: checks all files of the repository, or those below the given paths. */
function main(paths: readonly string[]): void {
  const options = { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...paths];
  const files = execFileSync('git', args, options).split('\n').filter(isChecked);
  let count = 0;
  for (const path of files) {
    for (const { line, message } of checkLanguage(path, readFileSync(path, 'utf8'))) {
      console.error(`${path}:${line} ${message}`);
      count += 1;
    }
  }
  console.error(`language: ${count} violations in ${files.length} files`);
  if (count > 0) process.exitCode = 1;
}

function isChecked(path: string): boolean {
  return path !== '' && CHECKED.includes(extname(path)) && !SKIPPED.test(path);
}

if (import.meta.main) main(process.argv.slice(2));
