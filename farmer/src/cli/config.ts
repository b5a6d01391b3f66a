import type { SettingListing, SettingsInput } from '@downstream/platform';
import { listEffectiveSettings, listUnknownVariables, readConfig } from '../config.ts';
import { EXIT } from './exit-codes.ts';
import type { Print } from './running-farmer.ts';

/**
 * `downstream config`: prints every setting that a farmer with the same flags, environment and configuration file would
 * use, and where it is set. Credentials are masked.
 *
 * @throws SettingsError after printing, if settings are invalid
 */
export function printConfig(input: Partial<SettingsInput>, { json }: { readonly json: boolean }, print: Print): number {
  const settings = listEffectiveSettings(input);
  if (json) print(JSON.stringify(settings.map(toJson), undefined, 2));
  else {
    for (const line of formatTable(settings)) print(line);
    for (const { name, didYouMean } of listUnknownVariables(input.env)) {
      print(`${name} is set, but is not a setting${didYouMean === undefined ? '' : `: did you mean ${didYouMean}?`}`);
    }
  }
  readConfig(input);
  return EXIT.OK;
}

function toJson({ name, env, value, source }: SettingListing): object {
  return {
    setting: name,
    variable: env,
    value: value ?? null,
    origin: source?.kind ?? 'default',
    place: source?.place ?? null,
  };
}

function formatTable(settings: readonly SettingListing[]): string[] {
  const rows = settings.map(({ name, value, fallback, source }) => [
    name,
    value ?? `(${fallback})`,
    source?.place ?? 'default',
  ]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return [['SETTING', 'VALUE', 'ORIGIN'], ...rows].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
