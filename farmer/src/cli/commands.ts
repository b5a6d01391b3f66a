import { resolve } from 'node:path';
import { findPathMistake, toFlags } from '@downstream/platform';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type CommandConfig, readCommandConfig } from '../config.ts';
import { DEFAULT_ENTRIES, MAX_ENTRIES } from '../control/reports.ts';
import { SETTINGS } from '../settings.ts';
import { backup } from './backup.ts';
import { printConfig } from './config.ts';
import { type ReplaceDiskOptions, replaceDisk } from './disk.ts';
import { exitNodes } from './exit.ts';
import { explain } from './explain.ts';
import { parseCount, toOption } from './options.ts';
import type { Print } from './running-farmer.ts';
import { scrub } from './scrub.ts';

export interface CommandContext {
  readonly print: Print;
  /** Runs a command, which a signal interrupts, and keeps its exit code. */
  readonly perform: (command: () => Promise<number>) => Promise<void>;
}

/** Adds the commands that use a farmer's data directory. */
export function addCommands(program: Command, { print, perform }: CommandContext): void {
  const addTo = (parent: Command, usage: string, description: string) =>
    parent
      .command(usage)
      .description(description)
      .addOption(toOption(SETTINGS.folders))
      .addOption(toOption(SETTINGS.configPath));
  const add = (usage: string, description: string) => addTo(program, usage, description);

  add('scrub', 'Verify every chunk now and rebuild damaged ones. Exit code 1 if a chunk is damaged or missing.').action(
    async (_options: object, called: Command) => {
      await perform(async () => await scrub(toConfig(called), print));
    },
  );

  add(
    'exit',
    'Release all contracts and delete their chunks. The farmer continues if this command is interrupted. Exit code 1 if another command cancels the exit.',
  )
    .option('--node <alias>', 'exit only this node')
    .option('--cancel', 'cancel the exit: keep the remaining contracts', false)
    .option('--yes', 'do not ask for confirmation', false)
    .action(async (options: { node?: string; cancel: boolean; yes: boolean }, called: Command) => {
      await perform(async () => await exitNodes(toConfig(called), options, print));
    });

  add(
    'backup <file>',
    'Write a consistent copy of the state, also while the farmer is running. Contains secrets.',
  ).action(async (file: string, _options: object, called: Command) => {
    await perform(async () => await backup(toConfig(called), toPath(file), print));
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
    'explain <contract>',
    "Show why a contract's last challenges passed or failed. Needs at least 6 characters of its id. Exit code 1 if no contract, or more than one, has such an id.",
  )
    .addOption(
      new Option('--last <count>', `maximum number of challenges (up to ${MAX_ENTRIES})`)
        .default(DEFAULT_ENTRIES)
        .argParser(parseCount(1, MAX_ENTRIES)),
    )
    .action(async (id: string, { last }: { last: number }, called: Command) => {
      await perform(async () => await explain(toConfig(called), { id, last }, print));
    });

  program
    .command('config')
    .description(
      'Print every setting that a farmer with the same options, environment and configuration file would use, and where it is set. Takes all options of downstream.',
    )
    .option('--json', 'print JSON', false)
    .action(async ({ json }: { json: boolean }, called: Command) => {
      await perform(async () => printConfig({ flags: toSettingFlags(called) }, { json }, print));
    });
}

function toSettingFlags(called: Command): ReturnType<typeof toFlags> {
  return toFlags(SETTINGS, called.optsWithGlobals());
}

function toConfig(called: Command): CommandConfig {
  return readCommandConfig({ flags: toSettingFlags(called) });
}

function toPath(input: string): string {
  const mistake = findPathMistake(input);
  if (mistake === undefined) return resolve(input);
  throw new InvalidArgumentError(`the path ${JSON.stringify(input)} is invalid: ${mistake}`);
}
