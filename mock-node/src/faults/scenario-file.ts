import { closeSync, readSync } from 'node:fs';
import { type Scenario, scenario, toFieldErrors } from '@downstream/control-api';
import { getErrorCode, getErrorMessage, SettingsError } from '@downstream/platform';
import { parse } from 'yaml';
import { FileKindError, openRegularFileSync } from '../regular-file.ts';
import { hasTooManyValues, MAX_VALUES } from '../value-count.ts';

const MAX_BYTES = 1024 * 1024;

/**
 * Reads a scenario from a file in YAML or JSON, which is a subset of YAML.
 *
 * @throws SettingsError with a line for each error
 */
export function readScenarioFile(path: string): Scenario {
  const setting = `MOCK_SCENARIO (${JSON.stringify(path)})`;
  let text: string;
  try {
    text = readText(path, MAX_BYTES);
  } catch (error) {
    const reason = error instanceof FileKindError ? error.message : (getErrorCode(error) ?? 'unknown error');
    throw new SettingsError([`${setting} cannot be read (${reason}): choose a YAML or JSON file`]);
  }
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 100, logLevel: 'error' });
  } catch (error) {
    // The first line contains the reason and the position. The other lines quote the file.
    const [reason = ''] = getErrorMessage(error).split('\n');
    throw new SettingsError([`${setting} is neither YAML nor JSON: ${reason.replace(/:$/, '')}`]);
  }
  if (hasTooManyValues(document)) throw new SettingsError([`${setting} has more than ${MAX_VALUES} values`]);
  return parseScenario(document, (problem) => `${setting}: ${problem}`);
}

/**
 * @param format adds the source of the scenario to an error
 * @throws SettingsError with a line for each error
 */
export function parseScenario(input: unknown, format: (problem: string) => string): Scenario {
  const { data, error } = scenario.safeParse(input);
  if (error === undefined) return data;
  throw new SettingsError(
    toFieldErrors(error.issues).map(({ pointer, message }) => format(`${pointer || '/'}: ${message}`)),
  );
}

/** Reads at most `maxBytes`: the file may grow meanwhile. */
function readText(path: string, maxBytes: number): string {
  const { file } = openRegularFileSync(path, maxBytes);
  try {
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, { offset: length });
    if (length > maxBytes) throw new FileKindError(`larger than ${maxBytes} bytes`);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
