import { readFileSync } from 'node:fs';
import { type Scenario, scenario } from '@downstream/control-api';
import { codeOf, SettingsError } from '@downstream/platform';
import { parse, YAMLParseError } from 'yaml';

const MOST_BYTES = 1024 * 1024;

/**
 * A scenario from a file of YAML or JSON, which is YAML too.
 *
 * @throws SettingsError that says what is wrong, and where in the file
 */
export function readScenarioFile(path: string): Scenario {
  const wrong = (what: string) => new SettingsError([`MOCK_SCENARIO is ${JSON.stringify(path)}: ${what}`]);
  const text = textOf(path, wrong);
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 100 });
  } catch (error) {
    const line = error instanceof YAMLParseError ? ` in line ${error.linePos?.[0].line}` : '';
    throw wrong(`it is neither YAML nor JSON${line}`);
  }
  const parsed = scenario.safeParse(document);
  if (parsed.success) return parsed.data;
  throw new SettingsError(
    parsed.error.issues.map(
      ({ path: at, message }) =>
        `MOCK_SCENARIO is ${JSON.stringify(path)}: ${['', ...at].join('/') || '/'}: ${message}`,
    ),
  );
}

function textOf(path: string, wrong: (what: string) => SettingsError): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw wrong(`it can't be read (${codeOf(error) ?? 'unknown'})`);
  }
  if (bytes.length > MOST_BYTES)
    throw wrong(`it has ${bytes.length} bytes, more than the ${MOST_BYTES} that a scenario may have`);
  return bytes.toString();
}
