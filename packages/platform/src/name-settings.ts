import type { Settings } from './setting.ts';

/** Not followed by a value, nor part of a path. */
const VARIABLE = /(?<![\w/.-])[A-Z]+(?:_[A-Z\d]+)+(?![\w=])/g;

/**
 * Errors name settings by their environment variables. Replaces each one by the name that the operator used, such as
 * `--size`, and adds the flag to those that are not set.
 *
 * @param usedNames as returned by `getUsedNames`
 */
export function nameSettings(
  message: string,
  table: Settings,
  { usedNames, env }: { usedNames: ReadonlyMap<string, string>; env: Readonly<Record<string, string | undefined>> },
): string {
  const flags = new Map(Object.values(table).map((setting) => [setting.env, setting.flag]));
  return message.replace(VARIABLE, (name) => {
    const flag = flags.get(name);
    return usedNames.get(name) ?? (flag === undefined || env[name] ? name : `${name} (${flag})`);
  });
}
