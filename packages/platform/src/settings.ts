import { z } from 'zod';
import { CodedError } from './errors.ts';

/** A setting that an operator sets by environment variable or by command-line flag. The flag takes precedence. */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  /** `FARMER_SIZE` */
  readonly env: string;
  /** `--size` */
  readonly flag: string;
  /** The flag's placeholder in the help text: `<bytes>`; absent for a switch. */
  readonly value?: string;
  readonly description: string;
  /** Completes the error message "expected …". */
  readonly allowed: string;
  /** What the value may contain that an error message must not show. */
  readonly sensitive?: 'all' | 'credentials in URLs';
  /** Parses the text of the setting; its input is undefined if there is neither a text nor a default. */
  readonly schema: Schema;
  /** In the form in which an operator would write it. */
  readonly default?: string;
  /** Replaces `default` in the help text if the default is not constant. */
  readonly defaultDescription?: string;
}

export type Settings = Readonly<Record<string, Setting>>;
export type Values<S extends Settings> = { readonly [Name in keyof S]: z.infer<S[Name]['schema']> };

/** Environment variables by name, and flags by the setting's key in the table. */
export interface SettingsInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>;
}

/** One or more settings are invalid. The message has a line for each, with its name, its value and what is allowed. */
export class SettingsError extends CodedError<'invalid_settings'> {
  constructor(lines: readonly string[]) {
    super('invalid_settings', lines.join('\n'));
  }
}

/**
 * Parses all settings of a table. An empty environment variable counts as not set.
 *
 * @throws SettingsError with all invalid settings
 */
export function parseSettings<S extends Settings>(table: S, { env, flags = {} }: SettingsInput): Values<S> {
  const errors: string[] = [];
  const values = Object.entries(table).map(([name, setting]) => {
    const flag = flags[name];
    const fromFlag = flag !== undefined;
    const text = fromFlag ? String(flag) : env[setting.env] || undefined;
    const schema = text !== undefined && QUOTED.test(text) ? quoted : setting.schema;
    const result = schema.safeParse(text ?? setting.default);
    if (!result.success) {
      const source = fromFlag ? setting.flag : setting.env;
      const hint = findHint(result.error);
      errors.push(
        text === undefined
          ? `${source} is not set: expected ${setting.allowed}`
          : `${source}: expected ${setting.allowed} (got ${formatValue(text, setting)}${hint && `: ${hint}`})`,
      );
    }
    return [name, result.data];
  });
  if (errors.length > 0) throw new SettingsError(errors);
  return Object.fromEntries(values);
}

/** Files with environment variables may keep the quotes that a shell would remove. */
const QUOTED = /^\s*(["']).*\1\s*$/s;
const quoted = z.string().transform((_, context) => rejectWithHint(context, 'remove the quotes'));

/** For the schema of a setting: rejects a value and says what to change. */
export function rejectWithHint(context: z.RefinementCtx, hint: string): never {
  context.addIssue({ code: 'custom', message: hint, params: { hint } });
  return z.NEVER;
}

/** The hint of {@link rejectWithHint}, or an empty string. */
function findHint({ issues }: z.ZodError): string {
  return issues.flatMap((issue) => (issue.code === 'custom' ? String(issue.params?.['hint'] ?? '') : ''))[0] ?? '';
}

const MAX_SHOWN_CHARS = 100;

function formatValue(text: string, { sensitive }: Pick<Setting, 'sensitive'>): string {
  if (sensitive === 'all') return `a value of ${text.length} characters, which is not shown`;
  // The value may be meant for another setting.
  const mayBeUrl = sensitive !== undefined || /:\/\/|@/.test(text);
  const masked = mayBeUrl ? maskCredentials(text) : text;
  return JSON.stringify(masked.length > MAX_SHOWN_CHARS ? `${masked.slice(0, MAX_SHOWN_CHARS)}…` : masked);
}

/**
 * Masks whatever may be a user, a password or a token in a URL, or in a list of URLs: everything before the last `@`,
 * a port that is not a number, queries and fragments. The text need not be a valid URL, since it appears in errors.
 */
export function maskCredentials(text: string): string {
  return text
    .replace(/^(\w+:\/\/)?.*@/s, '$1***@')
    .replace(/([?#]).*$/s, '$1***')
    .replace(/\[[\da-f:.]*\]|:(?!\/\/|\d{1,5}(?![^/,=?#]))[^/,]+/gi, (part) => (part.startsWith('[') ? part : ':***'));
}

/** Removes values from an error message of the command-line parser: they may be misplaced passwords or tokens. */
export function maskUsageError(message: string): string {
  return message
    .replace(/(unknown option '[^'=]*=).*(')/s, '$1***$2')
    .replace(/(too many arguments.* but got \d+): .*\./s, '$1.');
}

/** The settings as a Markdown table. */
export function formatSettingsMarkdown(table: Settings): string {
  const rows = Object.values(table).map(({ env, flag, value, description, default: text, defaultDescription }) => {
    const shown = defaultDescription ?? (text === undefined ? '' : `\`${text}\``);
    return `| \`${env}\` | \`${[flag, value].filter(Boolean).join(' ')}\` | ${shown} | ${description} |`;
  });
  return ['| variable | flag | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** Formats the description, the default and the environment variable for a help text. */
export function formatSettingHelp({ env, description, default: text, defaultDescription }: Setting): string {
  const shown = defaultDescription ?? text;
  return `${description} (${shown ? `default: ${shown}; ` : ''}${env})`.replaceAll('`', '');
}

/**
 * Converts the command-line parser's options to flags by key.
 *
 * @param options by flag name in camel case
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
