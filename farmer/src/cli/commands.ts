import { resolve } from 'node:path';
import { findPathMistake } from '@downstream/platform';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CommandConfig, readCommandConfig } from '../config.ts';
import { PHASES } from '../contract/contract.ts';
import { DEFAULT_ENTRIES, MAX_ENTRIES } from '../control/reports.ts';
import { SETTINGS } from '../settings.ts';
import { backup, backupToOutput } from './backup.ts';
import { check } from './check.ts';
import { printConfig } from './config.ts';
import { type ContractsOptions, contracts, RESULT_FILTERS, SORT_KEYS } from './contracts.ts';
import { type ReplaceDiskOptions, replaceDisk } from './disk.ts';
import { type ExitOptions, exitNodes } from './exit.ts';
import { explain } from './explain.ts';
import { addSettingOption, NODE_URL_HELP, parseCount, toFlagInput } from './options.ts';
import { restore } from './restore.ts';
import type { Print, Write } from './running-farmer.ts';
import { scrub } from './scrub.ts';
import { type StatusOptions, status } from './status.ts';

export interface CommandContext {
  readonly print: Print;
  readonly write: Write;
  /** Runs a command, which a signal interrupts, and keeps its exit code. */
  readonly perform: (command: () => Promise<number>) => Promise<void>;
}

const JSON_HELP = 'print JSON';

/** Adds the commands that use a farmer's data directory. */
export function addCommands(program: Command, { print, write, perform }: CommandContext): void {
  const addTo = (parent: Command, usage: string, description: string) => {
    const command = parent.command(usage).description(description);
    addSettingOption(command, SETTINGS.folders);
    return addSettingOption(command, SETTINGS.configPath);
  };
  const add = (usage: string, description: string) => addTo(program, usage, description);

  add('status', 'Show what the running farmer does: the content of its status page.')
    .option('--watch', 'repeat every two seconds until Ctrl-C', false)
    .option('--json', JSON_HELP, false)
    .action(async (options: StatusOptions, called: Command) => {
      const screen = process.stdout.isTTY ? process.stdout : undefined;
      await perform(async () => await status(toConfig(called), options, { write, screen }));
    });

  add('contracts', 'List the contracts of the running farmer.')
    .option('--node <alias>', 'only contracts of this node')
    .option('--disk <directory>', 'only contracts whose chunk is in this data directory')
    .addOption(new Option('--phase <phase>', 'only contracts in this phase').choices(PHASES))
    .addOption(new Option('--result <result>', 'only contracts with this last result').choices(RESULT_FILTERS))
    .addOption(new Option('--sort <column>', 'order of the contracts').choices(SORT_KEYS).default('deadline'))
    .option('--reverse', 'reverse the order', false)
    .addOption(new Option('--limit <count>', 'maximum number of contracts').argParser(parseCount(1, 1_000_000)))
    .option('--json', JSON_HELP, false)
    .action(async (options: ContractsOptions, called: Command) => {
      await perform(async () => await contracts(toConfig(called), options, write));
    });

  add('scrub', 'Verify every chunk now and rebuild damaged ones. Exit code 1 if a chunk is damaged or missing.')
    .option('--json', JSON_HELP, false)
    .action(async (options: { json: boolean }, called: Command) => {
      await perform(async () => await scrub(toConfig(called), options, print));
    });

  add(
    'exit',
    'Release all contracts and delete their chunks. The farmer continues if this command is interrupted. Exit code 1 if another command cancels the exit.',
  )
    .option('--node <alias>', 'exit only this node')
    .option('--cancel', 'cancel the exit: keep the remaining contracts', false)
    .option('--yes', 'do not ask for confirmation', false)
    .option('--json', JSON_HELP, false)
    .action(async (options: ExitOptions, called: Command) => {
      await perform(async () => await exitNodes(toConfig(called), options, print));
    });

  add(
    'backup <file>',
    'Write a consistent copy of the state to a file, or with - to standard output, also while the farmer is running. Contains secrets.',
  ).action(async (file: string, _options: object, called: Command) => {
    const config = toConfig(called);
    const isTerminal = process.stdout.isTTY === true;
    await perform(async () =>
      file === '-' ? await backupToOutput(config, { write, isTerminal }) : await backup(config, toPath(file), print),
    );
  });

  addTo(
    program.command('disk').description('Manage the disks of a running farmer.'),
    'replace <path>',
    'Use a new, empty disk in the data directory of a dead one. Exit code 1 if the disk cannot be used yet.',
  )
    .option('--same-file-system', 'accept a directory that is not on a separate file system', false)
    .option('--yes', 'do not ask for confirmation', false)
    .action(async (path: string, options: ReplaceDiskOptions, called: Command) => {
      await perform(async () => await replaceDisk(toConfig(called), toPath(path), { ...options, print }));
    });

  add(
    'restore <file>',
    'Restore the state of a stopped farmer from a backup, or with - from standard input. Never replaces an intact state.',
  )
    .option('--init', 'restore into a missing or empty data directory', false)
    .action(async (file: string, _options: object, called: Command) => {
      const path = file === '-' ? undefined : toPath(file);
      const init = called.optsWithGlobals()['init'] === true;
      await perform(async () => await restore(toConfig(called), { path, init }, print));
    });

  add(
    'explain <contract>',
    "Show why a contract's last challenges passed or failed. Needs at least 6 characters of its id. Exit code 1 if no contract, or more than one, has such an id.",
  )
    .addOption(
      new Option('--last <count>', `maximum number of challenges (up to ${MAX_ENTRIES})`)
        .default(DEFAULT_ENTRIES)
        .argParser(parseCount(1, MAX_ENTRIES)),
    )
    .option('--json', JSON_HELP, false)
    .action(async (id: string, options: { last: number; json: boolean }, called: Command) => {
      await perform(async () => await explain(toConfig(called), { id, ...options }, print));
    });

  program
    .command('check')
    .argument('[node_url]', NODE_URL_HELP)
    .description(
      'Check settings, nodes, clock, data directories, space, port and limits without starting a farmer. Takes all options of downstream. Exit code 1 for warnings, 2 for errors.',
    )
    .option('--json', JSON_HELP, false)
    .action(async (nodeUrl: string | undefined, { json }: { json: boolean }, called: Command) => {
      const input = toFlagInput(called.optsWithGlobals(), nodeUrl);
      await perform(async () => await check(input, { json }, print));
    });

  program
    .command('config')
    .argument('[node_url]', NODE_URL_HELP)
    .description(
      'Print every setting that a farmer with the same options, environment and configuration file would use, and where it is set. Takes all options of downstream.',
    )
    .option('--json', JSON_HELP, false)
    .action(async (nodeUrl: string | undefined, { json }: { json: boolean }, called: Command) => {
      const input = toFlagInput(called.optsWithGlobals(), nodeUrl);
      await perform(async () => printConfig(input, { json }, print));
    });
}

function toConfig(called: Command): CommandConfig {
  return readCommandConfig(toFlagInput(called.optsWithGlobals(), undefined));
}

function toPath(input: string): string {
  const mistake = findPathMistake(input);
  if (mistake === undefined) return resolve(input);
  throw new InvalidArgumentError(`the path ${JSON.stringify(input)} is invalid: ${mistake}`);
}
