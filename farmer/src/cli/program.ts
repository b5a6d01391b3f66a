import { findSimilarName, formatBuild, maskCredentials, maskUsageError, type Setting } from '@downstream/platform';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import { BUILD } from '../build.ts';
import { MAX_CHALLENGES } from '../node/ownership-node.ts';
import { SETTINGS } from '../settings.ts';
import { type CommandDescription, describeCommandLine } from './command-line.ts';
import { COMPLETION_HELP, formatCompletion, SHELLS, type Shell } from './completion.ts';
import { EXIT_CODES_HELP } from './exit-codes.ts';
import { addSettingOption, type FlagInput, NODE_URL_HELP, parseCount, toFlagInput } from './options.ts';
import type { OwnershipOptions } from './verify-ownership.ts';

interface RootOptions {
  readonly verifyOwnership?: string;
  readonly challenges?: number;
  /** The options of settings. */
  readonly [name: string]: unknown;
}

const COMMANDS_WITH_ALL_OPTIONS = ['check', 'config'];

export interface ProgramActions {
  readonly run: (input: FlagInput) => Promise<void>;
  readonly verifyOwnership: (options: OwnershipOptions, input: FlagInput) => Promise<void>;
  readonly addCommands: (program: Command) => void;
}

/** Declares the command line of `downstream`: without a command, it runs the farmer. */
export function createProgram(
  { run, verifyOwnership, addCommands }: ProgramActions,
  { out, err }: { out: (text: string) => void; err: (text: string) => void },
): Command {
  const program = new Command('downstream')
    .description(
      'Farms storage: accepts contracts from nodes, stores their chunks, and proves them before each deadline.',
    )
    .argument('[node_url]', NODE_URL_HELP)
    .option(
      '--verify-ownership <file>',
      'compare samples of a file with the file of the same name that the node has, then exit. Exit code 1 if they differ',
    )
    .addOption(
      new Option(
        '--challenges <count>',
        'number of samples for --verify-ownership (default: enough to detect with 99 % probability that a tenth of the file differs)',
      ).argParser(parseCount(1, MAX_CHALLENGES)),
    )
    .version(formatBuild(BUILD))
    .addHelpText('after', '\nEvery setting is also an environment variable; the option takes precedence.')
    .addHelpText('after', EXIT_CODES_HELP)
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: (text) => err(explainSwitch(maskUsageError(text))) });
  for (const setting of Object.values(SETTINGS)) addSettingOption(program, setting);
  program.action(async (nodeUrl: string | undefined, options: RootOptions) => {
    const { verifyOwnership: file, challenges, ...settings } = options;
    if (nodeUrl !== undefined && !mayBeUrl(nodeUrl)) throw createUnknownCommandError(nodeUrl, program);
    const input = toFlagInput(settings, nodeUrl);
    if (file !== undefined) await verifyOwnership({ file, challenges }, input);
    else if (challenges === undefined) await run(input);
    else throw new InvalidArgumentError('--challenges has no effect without --verify-ownership');
  });
  addCommands(program);
  program
    .command('completion')
    .description('Print a script that completes commands, options and values in a shell.')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText('after', COMPLETION_HELP)
    .action((shell: Shell) => out(formatCompletion(describeProgram(program), shell)));
  program
    .command('help [command...]')
    .description('Show the help of a command.')
    .action((names: readonly string[]) => {
      names
        .reduce((parent, name) => {
          const command = parent.commands.find((each) => each.name() === name);
          if (command === undefined) throw createUnknownCommandError(name, parent);
          return command;
        }, program)
        .outputHelp();
    });
  return program;
}

/** What completion scripts and the man page say of a program that {@link createProgram} has created. */
export function describeProgram(program: Command): CommandDescription {
  const choices = new Map(Object.values<Setting>(SETTINGS).map((setting) => [setting.flag, setting.choices ?? []]));
  return describeCommandLine(program, { commandsWithAllOptions: COMMANDS_WITH_ALL_OPTIONS, choices });
}

/** Commander reports a value for an option that takes none as an unknown option. */
function explainSwitch(message: string): string {
  return message.replace(/unknown option '(--[\w-]+)=.*'/, (all, name) => {
    const isSwitch = Object.values<Setting>(SETTINGS).some(({ flag, value }) => flag === name && value === undefined);
    return isSwitch ? `option '${name}' takes no value` : all;
  });
}

/** Whether an argument looks like a URL, or like one without its scheme: `localhost`, `node.example`, `[::1]:5000`. */
function mayBeUrl(argument: string): boolean {
  return /[.:/@]/.test(argument) || argument === 'localhost';
}

function createUnknownCommandError(name: string, parent: Command): InvalidArgumentError {
  const names = parent.commands.map((command) => command.name());
  const similar = findSimilarName(name, names);
  const remedy =
    similar === undefined ? `expected a URL or one of the commands ${names.join(', ')}` : `did you mean ${similar}?`;
  return new InvalidArgumentError(`unknown command ${JSON.stringify(maskCredentials(name))}: ${remedy}`);
}
