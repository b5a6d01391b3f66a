import { closeSync, openSync, readSync } from 'node:fs';
import { type Scenario, scenario, toFieldErrors } from '@downstream/control-api';
import { getErrorCode, getErrorMessage, SettingsError } from '@downstream/platform';
import { parse } from 'yaml';

const MAX_BYTES = 1024 * 1024;

/**
 * A scenario from a file of YAML or JSON, which is YAML too.
 *
 * @throws SettingsError that says what is wrong, and where in the file
 */
export function readScenarioFile(path: string): Scenario {
  const wrong = (what: string) => `MOCK_SCENARIO is ${JSON.stringify(path)}: ${what}`;
  let text: string;
  try {
    text = readText(path, MAX_BYTES);
  } catch (error) {
    const why = error instanceof RangeError ? error.message : `can't be read (${getErrorCode(error) ?? 'unknown'})`;
    throw new SettingsError([wrong(`it ${why}: give a file of faults and settings`)]);
  }
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 100, logLevel: 'error' });
  } catch (error) {
    // The first line says what is wrong and where; below it is a piece of the file.
    const [why = ''] = getErrorMessage(error).split('\n');
    throw new SettingsError([wrong(`it is neither YAML nor JSON: ${why.replace(/:$/, '')}`)]);
  }
  return parseScenario(document, wrong);
}

/**
 * A scenario that was given at the start.
 *
 * @param wrong puts in front what it was given as
 * @throws SettingsError with a line for everything that is wrong
 */
export function parseScenario(given: unknown, wrong: (what: string) => string): Scenario {
  const { data, error } = scenario.safeParse(given);
  if (error === undefined) return data;
  throw new SettingsError(
    toFieldErrors(error.issues).map(({ pointer, message }) => wrong(`${pointer || '/'}: ${message}`)),
  );
}

/** Reads no more than a scenario may have: the path may be that of something without an end. */
function readText(path: string, maxBytes: number): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (let read = 1; read > 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, { offset: length });
    if (length > maxBytes) throw new RangeError(`has more than the ${maxBytes} bytes that a scenario may have`);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}
