import {
  type CommandDescription,
  listCommands,
  type OptionDescription,
  type ValueDescription,
} from './command-line.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** How to use each script. */
export const COMPLETION_HELP = `
Load it in your shell's start-up file:
  bash  source <(downstream completion bash)
  zsh   source <(downstream completion zsh)      after compinit
  fish  downstream completion fish | source`;

/** A script that completes the commands, options and values of `downstream` in a shell. */
export function formatCompletion(program: CommandDescription, shell: Shell): string {
  return { bash: formatBash, zsh: formatZsh, fish: formatFish }[shell](program);
}

/** The cases of a loop over the words before the cursor, which sets `command` to the one that they name. */
function formatCommandCases(program: CommandDescription): string[] {
  return listCommands(program)
    .filter(({ name }) => name !== '')
    .map(({ name }) => {
      const words = name.split(' ');
      return `      ${quoteForShell(`${words.slice(0, -1).join(' ')} ${words.at(-1)}`)}) command=${quoteForShell(name)} ;;`;
    });
}

/** One case per option with a value, for the word before the cursor. */
function formatValueCases(
  program: CommandDescription,
  { choices, paths }: { choices: (words: readonly string[]) => string; paths: string },
): string[] {
  const options = listCommands(program).flatMap((command) => command.options);
  const byFlags = new Map(options.map((option) => [option.flags.join(' | '), option]));
  return [...byFlags].flatMap(([flags, { value }]) =>
    value === undefined ? [] : [`    ${flags}) ${completeValue(value, { choices, paths })}return ;;`],
  );
}

function completeValue(
  value: ValueDescription,
  { choices, paths }: { choices: (words: readonly string[]) => string; paths: string },
): string {
  if (value.choices.length > 0) return `${choices(value.choices)}; `;
  return value.isPath ? `${paths}; ` : '';
}

function formatBash(program: CommandDescription): string {
  const compgen = (words: readonly string[]) =>
    `mapfile -t COMPREPLY < <(compgen -W ${quoteForShell(words.join(' '))} -- "$word")`;
  const paths = 'compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$word")';
  const commands = listCommands(program).map((command) => {
    const words = [
      ...command.subcommands.map(({ name }) => lastWord(name)),
      ...listFlags(command),
      ...listChoices(command),
    ];
    return `    ${quoteForShell(command.name)}) ${takesPath(command) ? `[[ $word == -* ]] || { ${paths}; return; }; ` : ''}${compgen(words)} ;;`;
  });
  return `# Completes downstream in bash.
_downstream() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command='' each
  COMPREPLY=()
  for each in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    case "$command $each" in
${formatCommandCases(program).join('\n')}
    esac
  done
  case $previous in
${formatValueCases(program, { choices: compgen, paths }).join('\n')}
  esac
  case $command in
${commands.join('\n')}
  esac
}
complete -F _downstream downstream
`;
}

function formatZsh(program: CommandDescription): string {
  const choices = (words: readonly string[]) => `compadd -- ${words.map(quoteForShell).join(' ')}`;
  const describe = (word: string, description: string) =>
    quoteForShell(`${word.replaceAll(':', '\\:')}:${summarize(description)}`);
  const commands = listCommands(program).map((command) => {
    const candidates = [
      ...command.subcommands.map(({ name, description }) => describe(lastWord(name), description)),
      ...command.options.flatMap(({ flags, description }) =>
        flags.slice(-1).map((flag) => describe(flag, description)),
      ),
    ];
    const values = [
      ...(takesPath(command) ? ['_files'] : []),
      ...(listChoices(command).length > 0 ? [choices(listChoices(command))] : []),
    ];
    return `    ${quoteForShell(command.name)}) ${values.map((each) => `${each}; `).join('')}candidates=(${candidates.join(' ')}) ;;`;
  });
  return `#compdef downstream
# Completes downstream in zsh.
_downstream() {
  local command='' each
  local -a candidates
  for each in "\${(@)words[2,CURRENT-1]}"; do
    case "$command $each" in
${formatCommandCases(program).join('\n')}
    esac
  done
  case $words[CURRENT-1] in
${formatValueCases(program, { choices, paths: '_files' }).join('\n')}
  esac
  case $command in
${commands.join('\n')}
  esac
  _describe downstream candidates
}
compdef _downstream downstream
`;
}

function formatFish(program: CommandDescription): string {
  const commands = listCommands(program);
  const cases = commands
    .filter(({ name }) => name !== '')
    .map(({ name }) => {
      const words = name.split(' ');
      const before = `${words.slice(0, -1).join(' ')} ${words.at(-1)}`;
      return `      case ${quoteForFish(before)}\n        set command ${quoteForFish(name)}`;
    });
  const lines = commands.flatMap((command) => {
    const start = `complete -c downstream -n ${quoteForFish(`__downstream_in ${quoteForFish(command.name)}`)}`;
    return [
      ...command.subcommands.map(
        ({ name, description }) => `${start} -a ${lastWord(name)} -d ${quoteForFish(summarize(description))}`,
      ),
      ...(listChoices(command).length > 0 ? [`${start} -a ${quoteForFish(listChoices(command).join(' '))}`] : []),
      ...(takesPath(command) ? [`${start} -F`] : []),
      ...command.options.map((option) => `${start}${formatFishOption(option)}`),
    ];
  });
  return `# Completes downstream in fish.
function __downstream_in
  set -l command ''
  for each in (commandline -opc)[2..]
    switch "$command $each"
${cases.join('\n')}
    end
  end
  test "$command" = "$argv[1]"
end
complete -c downstream -f
${lines.join('\n')}
`;
}

function formatFishOption({ flags, description, value }: OptionDescription): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`)).join('');
  const values =
    value === undefined
      ? ''
      : value.choices.length > 0
        ? ` -x -a ${quoteForFish(value.choices.join(' '))}`
        : value.isPath
          ? ' -r -F'
          : ' -x';
  return `${names}${values} -d ${quoteForFish(summarize(description))}`;
}

function listFlags({ options }: CommandDescription): string[] {
  return options.flatMap(({ flags }) => flags.slice(-1));
}

function listChoices(command: CommandDescription): readonly string[] {
  return command.arguments.flatMap(({ choices }) => choices);
}

function takesPath(command: CommandDescription): boolean {
  return command.arguments.some(({ isPath }) => isPath);
}

/** The first sentence, without defaults and the full stop. */
function summarize(description: string): string {
  const [first = ''] = /^.*?(?=\. |\.$| \((?:default|FARMER_)|$)/s.exec(description) ?? [];
  return first.replaceAll('**', '');
}

function lastWord(name: string): string {
  return name.slice(name.lastIndexOf(' ') + 1);
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function quoteForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
