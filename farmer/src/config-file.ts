import {
  type FileSetting,
  findSimilarName,
  getFileProblem,
  maskCredentials,
  readTextFileSync,
  type Setting,
  type Settings,
  SettingsError,
} from '@downstream/platform';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode, parseDocument, type YAMLError } from 'yaml';

const MAX_BYTES = 64 * 1024;
const MAX_PROBLEMS = 10;
const EXAMPLE = 'write one setting per line, such as size: 500GB';

/**
 * Reads a configuration file: a YAML map from the names of flags to texts, numbers, switches or lists. Aliases are
 * rejected and nested values are not followed, so what the file expands to is not larger than the file.
 *
 * @param source the setting that names the file, for errors
 * @returns the settings by their key in the table; empty ones are missing
 * @throws SettingsError with a line for each error
 */
export function readConfigFile(
  path: string,
  { table, source }: { table: Settings; source: string },
): Record<string, FileSetting> {
  const lines = new LineCounter();
  const locate = (offset: number) => `${path}:${lines.linePos(offset).line}`;
  const { contents, errors, warnings } = parseDocument(readText(path, source), {
    lineCounter: lines,
    prettyErrors: false,
    // Takes quadratic time.
    uniqueKeys: false,
  });
  const [error] = [...errors, ...warnings];
  if (error !== undefined) {
    throw new SettingsError([`${locate(error.pos[0])}: invalid YAML (${formatReason(error)}): ${EXAMPLE}`]);
  }
  if (contents === null || (isScalar(contents) && contents.value === null)) return {};
  if (!isMap(contents)) throw new SettingsError([`${locate(contents.range[0])}: expected settings: ${EXAMPLE}`]);

  const keys = new Map(Object.entries(table).map(([key, { flag }]) => [flag.slice(2), key]));
  const found: Record<string, FileSetting> = {};
  const problems: string[] = [];
  for (const { key: nameNode, value } of contents.items) {
    if (problems.length === MAX_PROBLEMS) break;
    const position = locate(nameNode.range[0]);
    const name = isScalar(nameNode) ? String(nameNode.source ?? '') : '';
    const key = keys.get(name);
    const setting = key === undefined ? undefined : table[key];
    if (key === undefined || setting === undefined) {
      problems.push(formatUnknown(name, { position, table }));
      continue;
    }
    const { text, problem } = readValue(value, setting);
    if (problem !== undefined) problems.push(`${name} in ${position}: ${problem}`);
    else if (found[key] !== undefined) {
      problems.push(`${name} in ${position} is already set in ${found[key].position}: remove one of them`);
    } else if (text !== undefined) found[key] = { text, position };
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return found;
}

function readText(path: string, source: string): string {
  try {
    return readTextFileSync(path, MAX_BYTES);
  } catch (error) {
    throw new SettingsError([
      `${source}: the configuration file ${path} cannot be read (${getFileProblem(error)}): set the path of a YAML file`,
    ]);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  BAD_DQ_ESCAPE: 'Invalid escape sequence in double quotes',
  MULTIPLE_DOCS: 'More than one document',
  RESOURCE_EXHAUSTION: 'Nested too deeply',
};

/** Removes what a message of the parser quotes from the file: it may be part of a password. */
function formatReason({ code, message }: YAMLError): string {
  return REASONS[code] ?? message.replace(/(?<=\w): .*/s, '');
}

/** Reads a value as the text of a variable or flag, so that the same schema applies. */
function readValue(node: ParsedNode | null, setting: Setting): { text?: string; problem?: string } {
  if (node === null || (isScalar(node) && node.value === null)) return {};
  if (isScalar(node)) return { text: node.source };
  if (isAlias(node)) return { problem: 'aliases are not supported: write the value' };
  if (!isSeq(node)) return { problem: `expected ${setting.allowed} (got nested settings)` };
  if (setting.isList !== true) return { problem: `expected ${setting.allowed} (got a list)` };
  const items = node.items.map((item) => (isScalar(item) ? String(item.source ?? '') : ''));
  if (items.every((item) => item !== '' && !item.includes(','))) return { text: items.join(',') };
  return { problem: 'expected a list of texts without commas, one for each item' };
}

function formatUnknown(name: string, { position, table }: { position: string; table: Settings }): string {
  const settings = Object.values(table);
  const variable = settings.find(({ env }) => env === name);
  const names = settings.map(({ flag }) => flag.slice(2));
  const similar = variable?.flag.slice(2) ?? findSimilarName(name, names);
  const remedy = similar === undefined ? 'see downstream --help for all settings' : `did you mean ${similar}?`;
  return `${position}: unknown setting ${JSON.stringify(maskCredentials(name).slice(0, 100))}: ${remedy}`;
}
