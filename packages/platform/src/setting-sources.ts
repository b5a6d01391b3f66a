import { isAbsolute } from 'node:path';
import { formatValue } from './mask.ts';
import { findPathMistake } from './path-mistake.ts';
import { getFileProblem, readTextFileSync } from './regular-file.ts';
import type { Setting, Settings, SettingsInput } from './setting.ts';

export interface SettingSource {
  readonly kind: 'flag' | 'environment' | 'file';
  /** The setting's name there, for errors: `--size`, `FARMER_SIZE`, `size in /etc/downstream/farmer.yaml:3`. */
  readonly name: string;
  /** The place, for listings: `--size`, `FARMER_SIZE`, `/etc/downstream/farmer.yaml:3`. */
  readonly place: string;
}

/** The text of a setting, before it is parsed. */
export interface ResolvedSetting {
  /** Undefined if the setting is not set. */
  readonly text?: string;
  readonly source?: SettingSource;
  /** An error message, if there is no text because of a mistake. */
  readonly problem?: string;
}

type FoundSetting = Required<Omit<ResolvedSetting, 'problem'>>;
type Layer = (key: string, names: Pick<Setting, 'env' | 'flag'>) => FoundSetting | undefined;

/** Finds where each setting of a table is set, in the order of precedence. An empty variable counts as not set. */
export function resolveSettings<S extends Settings>(
  table: S,
  input: SettingsInput,
): { readonly [Name in keyof S]: ResolvedSetting };
export function resolveSettings(table: Settings, input: SettingsInput): Record<string, ResolvedSetting> {
  const layers = createLayers(input);
  return Object.fromEntries(Object.entries(table).map(([key, setting]) => [key, resolve(key, setting, layers)]));
}

/**
 * The names that an operator has used for settings, by environment variable: `FARMER_SIZE` → `--size`. Settings that
 * are not set, or by their variable, are missing.
 */
export function getUsedNames(table: Settings, input: SettingsInput): ReadonlyMap<string, string> {
  const resolved = resolveSettings(table, input);
  const names = Object.entries(table).map(([key, { env }]) => [env, resolved[key]?.source?.name ?? env] as const);
  return new Map(names.filter(([env, name]) => name !== env));
}

function createLayers({ flags = {}, flagNames = {}, env, file = {} }: SettingsInput): Layer[] {
  return [
    (key, { flag }) => {
      const name = flagNames[key] ?? flag;
      return flags[key] === undefined
        ? undefined
        : { text: String(flags[key]), source: { kind: 'flag', name, place: name } };
    },
    (_key, { env: name }) => {
      const text = env[name];
      return text ? { text, source: { kind: 'environment', name, place: name } } : undefined;
    },
    (key, { flag }) => {
      const found = file[key];
      if (found === undefined) return undefined;
      const { text, position } = found;
      return { text, source: { kind: 'file', name: `${flag.slice(2)} in ${position}`, place: position } };
    },
  ];
}

function resolve(key: string, setting: Setting, layers: readonly Layer[]): ResolvedSetting {
  for (const find of layers) {
    const value = find(key, setting);
    const path = setting.secretFile && find(`${key}File`, setting.secretFile);
    if (value !== undefined && path !== undefined) {
      return { problem: `${value.source.name} and ${path.source.name} cannot be combined: remove one of them` };
    }
    if (value !== undefined) return value;
    if (path !== undefined) return readSecret(path);
  }
  return {};
}

const MAX_SECRET_BYTES = 64 * 1024;

/**
 * Reads the value of a setting from a file, without the line break at its end. What is not an absolute path may be the
 * secret itself and is not shown.
 */
function readSecret({ text: path, source }: FoundSetting): ResolvedSetting {
  if (!isAbsolute(path)) {
    const got = formatValue(path, { sensitive: 'all' });
    return { problem: `${source.name}: expected the complete path of a file (got ${got})` };
  }
  const name = `${source.name} (${path})`;
  const mistake = findPathMistake(path);
  if (mistake !== undefined) return { problem: `${source.name} (${JSON.stringify(path)}) cannot be read: ${mistake}` };
  try {
    const text = readTextFileSync(path, MAX_SECRET_BYTES).replace(/\r?\n$/, '');
    if (text === '') return { problem: `${name} is empty: write the value into the file` };
    return { text, source: { ...source, name, place: `${source.place} (${path})` } };
  } catch (error) {
    const problem = getFileProblem(error);
    return { problem: `${name} cannot be read (${problem}): check the path, its owner and permissions` };
  }
}
