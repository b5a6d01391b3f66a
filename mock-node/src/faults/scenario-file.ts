import { type Scenario, scenario, toFieldErrors } from '@downstream/control-api';
import { getErrorMessage, getFileProblem, readTextFileSync, SettingsError } from '@downstream/platform';
import { parse } from 'yaml';
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
    text = readTextFileSync(path, MAX_BYTES);
  } catch (error) {
    throw new SettingsError([`${setting} cannot be read (${getFileProblem(error)}): choose a YAML or JSON file`]);
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
