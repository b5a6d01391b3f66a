import { formatFlag, formatSettingHelp, type Setting, type SettingsInput, toFlags } from '@downstream/platform';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SETTINGS } from '../settings.ts';

/** Flags by the keys of the settings. */
export type FlagInput = Pick<SettingsInput, 'flags' | 'flagNames'>;

/** The help of the argument `[node_url]`. */
export const NODE_URL_HELP = `URL of the node (default: ${SETTINGS.nodes.default})`;

/** Adds the command-line option of a setting, and its alias, which the help does not show. */
export function addSettingOption(command: Command, setting: Setting): Command {
  const option = new Option(formatFlag(setting), formatSettingHelp(setting));
  // Otherwise --no-proxy <hosts> would set --proxy.
  option.negate = false;
  command.addOption(option);
  const { alias, value } = setting;
  if (alias !== undefined) command.addOption(new AliasOption([alias, value].filter(Boolean).join(' '), option));
  return command;
}

/** Sets the same value as another option. */
class AliasOption extends Option {
  readonly #target: Option;

  constructor(flags: string, target: Option) {
    super(flags);
    this.hidden = true;
    this.#target = target;
  }

  override attributeName(): string {
    return this.#target.attributeName();
  }
}

/**
 * Converts the options of settings to flags.
 *
 * @param nodeUrl the positional argument, which stands for --node-url
 */
export function toFlagInput(options: Readonly<Record<string, unknown>>, nodeUrl: string | undefined): FlagInput {
  if (nodeUrl === undefined) return { flags: toFlags(SETTINGS, options) };
  if (options['nodeUrl'] !== undefined) {
    throw new InvalidArgumentError('the node is given twice: use either the argument or --node-url');
  }
  return { flags: toFlags(SETTINGS, { ...options, nodeUrl }), flagNames: { nodes: 'node_url' } };
}

/** A parser of an option whose value is an integer. */
export const parseCount =
  (min: number, max: number) =>
  (input: string): number => {
    const count = Number(input);
    if (/^\d+$/.test(input) && count >= min && count <= max) return count;
    throw new InvalidArgumentError(`Expected an integer from ${min} to ${max}.`);
  };
