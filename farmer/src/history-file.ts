import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { getErrorCode, getFileProblem, parseJson, readTextFileSync, SettingsError } from '@downstream/platform';
import { token } from '@downstream/protocol';
import { z } from 'zod';

/** The original farmer writes null for what it does not know. */
const known = z.looseObject({ token: token.nullish(), address: z.string().nullish() });
const historySchema = z.looseObject({
  last_node: z.string().nullish(),
  nodes: z.record(z.string(), known).default({}),
});

/** The tokens of a farmer by the URL of their node, and the node that it used last. */
export type History = z.infer<typeof historySchema>;

const MAX_BYTES = 1024 * 1024;

/**
 * Reads the history file of the original farmer.
 *
 * @returns an empty history if the file does not exist
 * @throws SettingsError without a part of the content, which is secret
 */
export function readHistory(path: string): History {
  const { success, data, error } = historySchema.safeParse(parseJson(readText(path)));
  if (success) return data;
  const [{ path: field = [] } = {}] = error.issues;
  const place = field.length === 0 ? 'expected a JSON object' : `invalid value of ${JSON.stringify(field.join('.'))}`;
  throw fail(path, `${place}: correct the file, or move it away to start without it`);
}

/** The token of a node, if it was issued for this address or for an unknown one. */
export function findToken({ nodes }: History, { url, address }: { url: string; address: string }): string | undefined {
  const found = nodes[url];
  return (found?.address ?? address) === address ? (found?.token ?? undefined) : undefined;
}

/**
 * Adds a token to a history file, or creates the file. Only its owner can read it.
 *
 * @throws SettingsError if it is invalid; the error of the system if it cannot be written
 */
export function saveToHistory(
  path: string,
  { url, token: value, address }: { readonly url: string; readonly token: string; readonly address: string },
): void {
  const history = readHistory(path);
  const nodes = { ...history.nodes, [url]: { ...history.nodes[url], token: value, address } };
  const temporary = `${path}.partial`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify({ ...history, last_node: url, nodes }, undefined, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

function readText(path: string): string {
  try {
    return readTextFileSync(path, MAX_BYTES);
  } catch (error) {
    if (getErrorCode(error) === 'ENOENT') return '{}';
    throw fail(path, `it cannot be read (${getFileProblem(error)}): check the path, its owner and permissions`);
  }
}

function fail(path: string, problem: string): SettingsError {
  return new SettingsError([`FARMER_HISTORY: ${path}: ${problem}`]);
}
