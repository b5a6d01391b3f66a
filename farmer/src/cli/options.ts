import { formatSettingHelp, type Setting } from '@downstream/platform';
import { InvalidArgumentError, Option } from 'commander';

/** The command-line option of a setting. */
export function toOption(setting: Setting): Option {
  const option = new Option([setting.flag, setting.value].filter(Boolean).join(' '), formatSettingHelp(setting));
  // Otherwise --no-proxy <hosts> would set --proxy.
  option.negate = false;
  return option;
}

/** A parser of an option whose value is an integer. */
export const parseCount =
  (min: number, max: number) =>
  (input: string): number => {
    const count = Number(input);
    if (/^\d+$/.test(input) && count >= min && count <= max) return count;
    throw new InvalidArgumentError(`Expected an integer from ${min} to ${max}.`);
  };
