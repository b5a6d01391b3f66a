import { parseJson } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import { type JsonPart, type JsonReceiver, JsonSplitter, type PartLimits } from './json-splitter.ts';
import type { NodeResponse } from './node-http.ts';
import { isSuccess, readWhole, toResponseError } from './responses.ts';

/** Receives one entry of a list; undefined if it is too long or not JSON. @returns whether the entry is valid */
export type EntryReader = (entry: unknown) => boolean;

/** A response with more of them is rejected: it is not the expected one, and each costs time. */
const MAX_INVALID_ENTRIES = 10_000;

/**
 * Reads a JSON response that has long lists, while it arrives and one entry at a time. So memory is bounded, and the
 * event loop is never blocked for long, whatever the node sends. Invalid entries are skipped.
 *
 * @param readers one for each list that the response must have
 * @param limits of each entry; by default 8 KiB
 * @throws NodeError `no_token`, `no_hash`, `rejected`, `http_error` or `invalid_response`
 */
export async function readLists(
  route: RouteName,
  readers: ReadonlyMap<string, EntryReader>,
  response: NodeResponse,
  limits?: PartLimits,
): Promise<void> {
  const { status, body } = response;
  if (!isSuccess(route, status)) throw toResponseError(route, status, parseJson((await readWhole(response)).text));
  const values = new Map<string, unknown>();
  const missing = new Set(readers.keys());
  let invalid = 0;
  const receiver: JsonReceiver = {
    onValue: (name, value) => {
      if (name === 'status' || name === 'message') values.set(name, parsePart(value));
    },
    onArray: (name) => {
      missing.delete(name);
      const reader = readers.get(name);
      return (element) => {
        if (reader === undefined || reader(parsePart(element))) return;
        invalid += 1;
        if (invalid > MAX_INVALID_ENTRIES) throw new SyntaxError('the response has too many invalid entries');
      };
    },
  };
  const splitter = new JsonSplitter(receiver, limits);
  try {
    for await (const text of body) splitter.write(text);
    splitter.end();
  } catch (error) {
    throw error instanceof SyntaxError ? toResponseError(route, status, undefined) : error;
  }
  if (missing.size > 0) throw toResponseError(route, status, Object.fromEntries(values));
}

function parsePart(part: JsonPart): unknown {
  return part === undefined ? undefined : parseJson(part);
}
