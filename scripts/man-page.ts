import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type CommandDescription, listCommands, type OptionDescription } from '../farmer/src/cli/command-line.ts';
import { addCommands } from '../farmer/src/cli/commands.ts';
import { EXIT_CODES_HELP } from '../farmer/src/cli/exit-codes.ts';
import { createProgram, describeProgram } from '../farmer/src/cli/program.ts';

const FOLDER = new URL('../farmer/', import.meta.url);
const ignore = () => {};
const ignoreAsync = async () => {};

/** farmer/man/downstream.1, generated from the declaration of the command line. */
export function renderManPage(): string {
  const { version } = JSON.parse(readFileSync(new URL('package.json', FOLDER), 'utf8')) as { version: string };
  const program = createProgram(
    {
      run: ignoreAsync,
      verifyOwnership: ignoreAsync,
      addCommands: (root) => addCommands(root, { print: ignore, write: async () => true, perform: ignoreAsync }),
    },
    { out: ignore, err: ignore },
  );
  const description = describeProgram(program);
  const commands = listCommands(description).filter(({ name, subcommands }) => name !== '' && subcommands.length === 0);
  const lines = [
    `.TH DOWNSTREAM 1 "" "downstream ${version}" "downstream"`,
    '.SH NAME',
    'downstream \\- farm storage',
    '.SH SYNOPSIS',
    '.B downstream',
    '[\\fIoption\\fR ...] [\\fInode_url\\fR]',
    '.br',
    '.B downstream',
    '\\fIcommand\\fR [\\fIoption\\fR ...] [\\fIargument\\fR ...]',
    '.SH DESCRIPTION',
    escapeRoff(description.description),
    'Without a command it runs a farmer, until a signal stops it.',
    '.SH OPTIONS',
    ...description.options.flatMap(formatOption),
    '.SH COMMANDS',
    ...commands.flatMap((command) => formatCommand(command, description)),
    '.SH EXIT STATUS',
    ...formatExitCodes(),
    '.SH ENVIRONMENT',
    'Every setting is also an environment variable, named at the end of its description. The option takes precedence.',
  ];
  return `${lines.join('\n')}\n`;
}

function formatCommand(
  { name, description, options, arguments: values }: CommandDescription,
  program: CommandDescription,
): string[] {
  const shared = new Set(program.options.map(({ flags }) => flags.at(-1)));
  const usage = [`\\fB${escapeRoff(name)}\\fR`, ...values.map(({ placeholder }) => formatPlaceholder(placeholder))];
  return [
    `.SS ${usage.join(' ')}`,
    escapeRoff(description),
    ...options.filter(({ flags }) => !shared.has(flags.at(-1))).flatMap(formatOption),
  ];
}

function formatOption({ flags, description, value }: OptionDescription): string[] {
  const names = flags.map((flag) => `\\fB${escapeRoff(flag)}\\fR`).join(', ');
  const missing = value?.choices.some((choice) => !description.includes(choice)) ?? false;
  const choices = missing ? `: ${value?.choices.join(', ')}` : '';
  return [
    '.TP',
    value === undefined ? names : `${names} ${formatPlaceholder(value.placeholder)}`,
    escapeRoff(description + choices),
  ];
}

/** `<file>` → *file*, `[node_url]` → [*node_url*] */
function formatPlaceholder(placeholder: string): string {
  const [, open, name = '', close] = /^([<[])(.*)([>\]])$/.exec(placeholder) ?? [];
  return open === '[' ? `[\\fI${escapeRoff(name)}\\fR${close}]`.replace(']]', ']') : `\\fI${escapeRoff(name)}\\fR`;
}

function formatExitCodes(): string[] {
  const codes = EXIT_CODES_HELP.trim().split('\n').slice(1).join('\n');
  return codes.split(/\n(?= {2}\d)/).flatMap((entry) => {
    const [, code = '', text = ''] = /^ *(\d[\d, ]*?) {2,}(.*)$/s.exec(entry) ?? [];
    return ['.TP', `\\fB${code}\\fR`, escapeRoff(text.replace(/\s+/g, ' '))];
  });
}

function escapeRoff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('**', '')
    .replace(
      /[^\x20-\x7e]/gu,
      (character) => `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`,
    )
    .replace(/^[.']/, '\\&$&');
}

if (import.meta.main) {
  mkdirSync(new URL('man', FOLDER), { recursive: true });
  writeFileSync(new URL('man/downstream.1', FOLDER), renderManPage());
}
