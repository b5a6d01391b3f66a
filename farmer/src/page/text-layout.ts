/** Text in columns of a fixed width, for terminals. */

const WIDTH = 80;

/** A file system or a node may choose parts of a text: no character may control the terminal. */
const CONTROL_CHARACTERS = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

function removeControlCharacters(text: string): string {
  return text.replace(CONTROL_CHARACTERS, '�');
}

/**
 * Breaks a text at spaces into lines of at most 80 characters. Longer words are divided.
 *
 * @param start precedes the first line, and `indent` the others; both count
 */
export function wrap(text: string, { start = '', indent = start }: { start?: string; indent?: string } = {}): string[] {
  const lines: string[] = [];
  let prefix = start;
  let line = '';
  const end = () => {
    lines.push((prefix + line).trimEnd());
    prefix = indent;
    line = '';
  };
  for (const word of removeControlCharacters(text).split(' ')) {
    if (line !== '' && `${prefix}${line} ${word}`.length > WIDTH) end();
    let rest = line === '' ? word : `${line} ${word}`;
    while (prefix.length + rest.length > WIDTH) {
      const free = WIDTH - prefix.length;
      line = rest.slice(0, free);
      rest = rest.slice(free);
      end();
    }
    line = rest;
  }
  end();
  return lines;
}

export function truncate(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}

const LABEL_WIDTH = 18;

/** Formats a fact: its name, and its value beside it. */
export function formatFact(name: string, value: string): string[] {
  const label = `  ${name.padEnd(LABEL_WIDTH - 3)} `;
  return wrap(value, { start: label, indent: ' '.repeat(label.length) });
}

/** Formats rows below their headings, each column as wide as its longest cell. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = [headings, ...rows].map((row) => row.map(removeControlCharacters));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
