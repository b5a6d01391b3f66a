import { CodedError, flagsByKey, SettingsError } from '@downstream/platform';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { readConfig, SETTINGS } from '../config.ts';
import { VERSION } from '../version.ts';
import { run } from './run.ts';
import { verifyOwnership } from './verify-ownership.ts';

/** Where a command writes what it has to say. */
export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

type Flags = Record<string, string | boolean | undefined>;

/**
 * The `downstream` command, from its arguments to its exit code: 0 done, 1 a mismatch or a fault, 2 a wrong call, wrong
 * settings, or an error.
 *
 * @param args without the runtime and the script
 */
export async function command(args: readonly string[], { out, err }: Output): Promise<number> {
  let exitCode = 0;
  const program = new Command('downstream')
    .description('Farms storage: takes contracts from a node, keeps their chunks, and proves them on deadline.')
    .argument('[node_url]', `the node (default: ${SETTINGS.nodes.default})`)
    .option('--verify-ownership <file>', 'show that this machine holds the same file as the node, then exit')
    .version(VERSION)
    .addHelpText('after', '\nEvery flag can be given as an environment variable too; the flag wins.')
    .exitOverride()
    .configureOutput({ writeOut: out, writeErr: err });
  for (const setting of Object.values(SETTINGS)) {
    const value = 'value' in setting ? setting.value : undefined;
    const note = 'defaultNote' in setting ? setting.defaultNote : `\`${setting.default}\``;
    const help = [setting.description, note && `(default: ${note};`, note ? `${setting.env})` : `(${setting.env})`]
      .filter(Boolean)
      .join(' ');
    program.addOption(new Option([setting.flag, value].filter(Boolean).join(' '), help.replaceAll('`', '')));
  }
  program.action(async (nodeUrl: string | undefined, options: Flags) => {
    exitCode = await perform(nodeUrl, options, out);
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return failure(error, err);
  }
}

async function perform(nodeUrl: string | undefined, options: Flags, out: (text: string) => void): Promise<number> {
  const { verifyOwnership: file, ...given } = options;
  if (nodeUrl !== undefined && given['nodeUrl'] !== undefined) {
    throw new InvalidArgumentError('give the node once: as an argument or as --node-url');
  }
  const flags = flagsByKey(SETTINGS, { ...given, ...(nodeUrl !== undefined && { nodeUrl }) });
  if (typeof file !== 'string') return await run(readConfig({ flags }));
  const { nodes } = readConfig({ flags: { ...flags, address: UNUSED_ADDRESS } });
  return await verifyOwnership(file, nodes[0].url, (line) => out(`${line}\n`));
}

/** Ownership of a file is shown without a farming address; the setting wants a valid one all the same. */
const UNUSED_ADDRESS = '1111111111111111111114oLvT2';

function failure(error: unknown, err: (text: string) => void): number {
  if (error instanceof CommanderError) {
    if (error instanceof InvalidArgumentError) err(`error: ${error.message}\n`);
    return error.exitCode === 0 ? 0 : 2;
  }
  if (error instanceof SettingsError) {
    for (const line of error.message.split('\n')) err(`error: ${line}\n`);
    return 2;
  }
  if (error instanceof CodedError) {
    err(`error: ${error.message}\n`);
    return 2;
  }
  throw error;
}
