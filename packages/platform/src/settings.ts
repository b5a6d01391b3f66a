import type { z } from 'zod';
import { CodedError } from './errors.ts';

/** One thing that an operator can set: by environment variable, or by a flag of the same meaning, which wins. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** `FARMER_SIZE` */
  readonly env: string;
  /** `--size` */
  readonly flag: string;
  /** What stands behind the flag in a help text: `<bytes>`; none for a switch. */
  readonly value?: string;
  readonly description: string;
  /** What is allowed, as the end of the sentence "expected …". */
  readonly allowed: string;
  /** From the text that was given to the value used; undefined goes in where nothing was given and there is no default. */
  readonly schema: Schema;
  /** As a person would write it. */
  readonly default?: string;
  /** What a help text shows where the default is not a fixed text. */
  readonly defaultDescription?: string;
}

export type Settings = Readonly<Record<string, Setting>>;
export type Values<S extends Settings> = { readonly [Name in keyof S]: z.infer<S[Name]['schema']> };

/** What was given: environment variables by name, flags by the setting's key in the table. */
export interface SettingsInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>;
}

/** One or more settings are wrong; the message has a line for each, with the variable, the value and what is allowed. */
export class SettingsError extends CodedError<'invalid_settings'> {
  constructor(lines: readonly string[]) {
    super('invalid_settings', lines.join('\n'));
  }
}

/**
 * Reads every setting of a table once, at start-up. Empty variables count as not set.
 *
 * @throws SettingsError naming everything that is wrong at once
 */
export function parseSettings<S extends Settings>(table: S, { env, flags = {} }: SettingsInput): Values<S> {
  const wrong: string[] = [];
  const values = Object.entries(table).map(([name, setting]) => {
    const flag = flags[name];
    const fromFlag = flag !== undefined;
    const given = fromFlag ? String(flag) : env[setting.env] || undefined;
    const result = setting.schema.safeParse(given ?? setting.default);
    if (!result.success) {
      const what = fromFlag ? setting.flag : setting.env;
      wrong.push(
        given === undefined
          ? `${what} is not set: expected ${setting.allowed}`
          : `${what}: expected ${setting.allowed} (got ${JSON.stringify(shorten(given))})`,
      );
    }
    return [name, result.data];
  });
  if (wrong.length > 0) throw new SettingsError(wrong);
  return Object.fromEntries(values);
}

/** Long values are cut, and passwords in URLs masked, before they are shown. */
function shorten(text: string): string {
  const masked = text.replace(/\/\/[^/]*@/g, '//***@');
  return masked.length > 100 ? `${masked.slice(0, 100)}…` : masked;
}

/** The settings as a Markdown table. */
export function formatSettingsMarkdown(table: Settings): string {
  const rows = Object.values(table).map(({ env, flag, value, description, default: text, defaultDescription }) => {
    const shown = defaultDescription ?? (text === undefined ? '' : `\`${text}\``);
    return `| \`${env}\` | \`${[flag, value].filter(Boolean).join(' ')}\` | ${shown} | ${description} |`;
  });
  return ['| variable | flag | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/**
 * From a command-line parser's names, which are the flags in camel case, to the table's keys.
 *
 * @param options what the parser found
 */
export function toFlags(
  table: Settings,
  options: Readonly<Record<string, unknown>>,
): Record<string, string | boolean | undefined> {
  const found = Object.entries(table).map(([key, { flag }]) => {
    const value = options[flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
    return [key, typeof value === 'string' || typeof value === 'boolean' ? value : undefined];
  });
  return Object.fromEntries(found);
}
