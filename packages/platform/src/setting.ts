import type { z } from 'zod';
import { CodedError } from './errors.ts';

/** A setting that an operator sets by command-line flag, by environment variable or in a configuration file. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** `FARMER_SIZE` */
  readonly env: string;
  /** `--size`; without the hyphens, the name in a configuration file. */
  readonly flag: string;
  /** A letter that stands for the flag: `-s`. */
  readonly short?: string;
  /** Another name of the flag that the command line accepts: `--total-size`. */
  readonly alias?: string;
  /** The flag's placeholder in the help text: `<bytes>`; absent for a switch. */
  readonly value?: string;
  readonly description: string;
  /** Values that a shell offers to complete. */
  readonly choices?: readonly string[];
  /** Completes the error message "expected …". */
  readonly allowed: string;
  /** What the value may contain that an error message must not show. */
  readonly sensitive?: 'all' | 'credentials in URLs';
  /** The setting that names a file with this one's value. Its key is this one's with the suffix `File`. */
  readonly secretFile?: Pick<Setting, 'env' | 'flag'>;
  /** Whether a configuration file may set it to a list instead of a text with commas. */
  readonly isList?: boolean;
  /** Parses the text of the setting; its input is undefined if there is neither a text nor a default. */
  readonly schema: Schema;
  /** In the form in which an operator would write it. */
  readonly default?: string;
  /** Replaces `default` in the help text if the default is not constant. */
  readonly defaultDescription?: string;
}

export type Settings = Readonly<Record<string, Setting>>;
export type Values<S extends Settings> = { readonly [Name in keyof S]: z.infer<S[Name]['schema']> };

/** A setting in a configuration file. */
export interface FileSetting {
  readonly text: string;
  /** `/etc/downstream/farmer.yaml:3` */
  readonly position: string;
}

/** What an operator has set. Flags override environment variables, which override the configuration file. */
export interface SettingsInput {
  /** By the setting's key in the table. */
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>;
  /** The names of flags in errors where they differ: of a positional argument. */
  readonly flagNames?: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By the setting's key in the table. */
  readonly file?: Readonly<Record<string, FileSetting>>;
}

/** One or more settings are invalid. The message has a line for each, with its name, its value and what is allowed. */
export class SettingsError extends CodedError<'invalid_settings'> {
  constructor(lines: readonly string[]) {
    super('invalid_settings', lines.join('\n'));
  }
}
