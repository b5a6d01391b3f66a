import type { Argument, Command, Option } from 'commander';

/** A command as completion scripts and the man page show it. */
export interface CommandDescription {
  /** `disk replace`; empty for `downstream` without a command. */
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly ValueDescription[];
  readonly options: readonly OptionDescription[];
  readonly subcommands: readonly CommandDescription[];
}

export interface OptionDescription {
  /** `--size`; after a letter that stands for it: `-s`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Absent for a switch. */
  readonly value?: ValueDescription;
}

export interface ValueDescription {
  /** As in the help text: `<bytes>`, `[node_url]`. */
  readonly placeholder: string;
  readonly choices: readonly string[];
  /** Whether the value is a path. */
  readonly isPath: boolean;
}

const HELP: OptionDescription = { flags: ['-h', '--help'], description: 'display help for command' };
const PATHS = /^.(file|path|directory|directories)\b/;

/** What commander does not know about the command line. */
export interface CommandLineFacts {
  /** Commands that also take the options of the program. */
  readonly commandsWithAllOptions: readonly string[];
  /** The values of options that are settings, by flag. */
  readonly choices: ReadonlyMap<string, readonly string[]>;
}

/** Reads the commands, options and arguments of a program, without those that its help hides. */
export function describeCommandLine(
  program: Command,
  { commandsWithAllOptions, choices }: CommandLineFacts,
): CommandDescription {
  const describeOptions = ({ options }: Command) =>
    options
      .filter(({ hidden }) => !hidden)
      .map((option) => describeOption(option, choices.get(option.long ?? '') ?? option.argChoices));
  const programOptions = describeOptions(program);
  const names = program.commands.map((command) => command.name());
  const describe = (command: Command, path: readonly string[]): CommandDescription => {
    const name = path.join(' ');
    const own = describeOptions(command);
    const inherited = commandsWithAllOptions.includes(name) ? programOptions.filter((each) => !isAmong(own, each)) : [];
    return {
      name,
      description: command.description(),
      arguments: command.registeredArguments.map((argument) => describeArgument(argument, names)),
      options: [...own, ...inherited, HELP],
      subcommands: command.commands.map((each) => describe(each, [...path, each.name()])),
    };
  };
  return describe(program, []);
}

/** A command and all below it. */
export function listCommands(command: CommandDescription): CommandDescription[] {
  return [command, ...command.subcommands.flatMap(listCommands)];
}

function describeOption(
  { short, long, flags, description }: Option,
  choices: readonly string[] | undefined,
): OptionDescription {
  const names = [short, long].filter((name) => name !== undefined && name !== null);
  const [placeholder] = /[<[].*$/.exec(flags) ?? [];
  return {
    flags: names,
    description,
    ...(placeholder !== undefined && { value: describeValue(placeholder, choices) }),
  };
}

function describeArgument(argument: Argument, commands: readonly string[]): ValueDescription {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  const choices = argument.name() === 'command' ? commands : argument.argChoices;
  return describeValue(argument.required ? `<${name}>` : `[${name}]`, choices);
}

function describeValue(placeholder: string, choices: readonly string[] = []): ValueDescription {
  return { placeholder, choices, isPath: PATHS.test(placeholder) };
}

function isAmong(options: readonly OptionDescription[], { flags }: OptionDescription): boolean {
  return options.some((each) => each.flags.at(-1) === flags.at(-1));
}
