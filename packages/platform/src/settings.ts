import { z } from 'zod';
import { formatValue, maskCredentials } from './mask.ts';
import { type Setting, type Settings, SettingsError, type SettingsInput, type Values } from './setting.ts';
import { type ResolvedSetting, resolveSettings, type SettingSource } from './setting-sources.ts';

/**
 * Parses all settings of a table.
 *
 * @throws SettingsError with all invalid settings
 */
export function parseSettings<S extends Settings>(table: S, input: SettingsInput): Values<S>;
export function parseSettings(table: Settings, input: SettingsInput): Values<Settings> {
  const resolved = resolveSettings(table, input);
  const errors: string[] = [];
  const values = Object.entries(table).map(([key, setting]) => {
    const { value, problem } = parseSetting(setting, resolved[key] ?? {});
    if (problem !== undefined) errors.push(problem);
    return [key, value];
  });
  if (errors.length > 0) throw new SettingsError(errors);
  return Object.fromEntries(values);
}

function parseSetting(setting: Setting, resolved: ResolvedSetting): { value?: unknown; problem?: string } {
  const { text, source, problem } = resolved;
  if (problem !== undefined) return { problem };
  const schema = text !== undefined && QUOTED.test(text) ? quoted : setting.schema;
  const { success, data, error } = schema.safeParse(text ?? setting.default);
  if (success) return { value: data };
  if (text === undefined) return { problem: `${setting.env} is not set: expected ${setting.allowed}` };
  const hint = findHint(error);
  const got = `${formatValue(text, setting)}${hint && `: ${hint}`}`;
  return { problem: `${source?.name ?? setting.env}: expected ${setting.allowed} (got ${got})` };
}

/** A setting with its effective value. */
export interface SettingListing {
  /** As in a configuration file: `http-port`. */
  readonly name: string;
  readonly env: string;
  /** As an operator would write it, with credentials masked; undefined if there is none. */
  readonly value?: string;
  /** What applies without a value. */
  readonly fallback: string;
  /** Undefined for a default. */
  readonly source?: SettingSource;
}

/** Lists the effective values of all settings and where they are set. */
export function listSettings(table: Settings, input: SettingsInput): SettingListing[] {
  const resolved = resolveSettings(table, input);
  const fileKeys = Object.keys(table).flatMap((key) => (table[key]?.secretFile ? `${key}File` : []));
  return Object.entries(table)
    .filter(([key]) => !fileKeys.includes(key))
    .map(([key, setting]) => {
      const { source, ...rest } = resolved[key] ?? {};
      const isValid = parseSetting(setting, rest).problem === undefined;
      const text = isValid ? (rest.text ?? setting.default) : undefined;
      const fallback = isValid ? setting.defaultDescription || 'none' : 'invalid';
      return {
        name: setting.flag.slice(2),
        env: setting.env,
        ...(text && { value: maskSecrets(text, setting) }),
        fallback: fallback.replaceAll('`', ''),
        ...(source && { source }),
      };
    });
}

function maskSecrets(text: string, { sensitive }: Setting): string {
  if (sensitive === undefined) return text;
  return sensitive === 'all' ? '***' : maskCredentials(text);
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

/** The settings as a Markdown table. */
export function formatSettingsMarkdown(table: Settings): string {
  const rows = Object.values(table).map((setting) => {
    const { env, description, default: text, defaultDescription } = setting;
    const shown = defaultDescription ?? (text === undefined ? '' : `\`${text}\``);
    return `| \`${env}\` | \`${formatFlag(setting)}\` | ${shown} | ${description} |`;
  });
  return ['| variable | flag | default | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** The flag of a setting with its letter and its placeholder, as the command-line parser expects it. */
export function formatFlag({ short, flag, value }: Setting): string {
  const names = short === undefined ? flag : `${short}, ${flag}`;
  return value === undefined ? names : `${names} ${value}`;
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
