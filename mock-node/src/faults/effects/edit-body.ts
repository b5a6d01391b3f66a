import { parseJson } from '@downstream/platform';
import type { ApiResponse } from '../../api/response.ts';
import { isSelected } from '../../ledger/contract.ts';

interface ListedChallenge {
  readonly hash: string;
  readonly challenge: string;
}

/** An entry about a contract in a response of the v1 API. */
export interface V1Entry {
  readonly file_hash: number | string;
  /** JSON of the scheme. */
  readonly challenge?: unknown;
  readonly tag?: unknown;
  readonly due?: number;
}

/** What an effect returns: it may contain anything. */
type EditedBody = { readonly [Name in keyof KnownBody]: unknown };

/** The parts of JSON bodies that effects change. */
interface KnownBody {
  readonly file_hash?: string;
  readonly challenge?: string;
  readonly interval?: number;
  readonly all_contracts?: readonly { readonly hash: string }[];
  readonly due_contracts?: readonly ListedChallenge[];
  /** v1 API. Other effects can have added anything to these lists. */
  readonly chunks?: readonly unknown[];
  readonly challenges?: readonly unknown[];
  readonly report?: readonly unknown[];
  readonly type?: string;
  readonly heartbeat?: unknown;
}

/** Changes the JSON body of a response that a handler returned, unless it is no JSON, as another effect can make it. */
export function editBody(response: ApiResponse, edit: (body: KnownBody) => EditedBody): ApiResponse {
  return editText(response, (text) => {
    const body = parseJson(text);
    // Handlers return objects, whose parts have the known types until an effect changes them.
    return typeof body === 'object' && body !== null ? JSON.stringify(edit(body as KnownBody)) : text;
  });
}

/**
 * Changes the entries of a response of the v1 API.
 *
 * @param contract the beginning of the hash of the only contract to change; undefined for all
 * @param edit returns what takes the place of an entry
 */
export function editEntries(
  response: ApiResponse,
  contract: string | undefined,
  edit: (entry: V1Entry, list: 'chunks' | 'challenges' | 'report') => readonly unknown[],
): ApiResponse {
  const isMeant = (entry: unknown): entry is V1Entry =>
    typeof entry === 'object' &&
    entry !== null &&
    'file_hash' in entry &&
    (contract === undefined || isSelected(String(entry.file_hash), contract));
  return editBody(response, (body) => {
    const editList = (list: 'chunks' | 'challenges' | 'report') =>
      body[list] && { [list]: body[list].flatMap((entry) => (isMeant(entry) ? edit(entry, list) : [entry])) };
    return { ...body, ...editList('chunks'), ...editList('challenges'), ...editList('report') };
  });
}

export function editText(response: ApiResponse, edit: (text: string) => string): ApiResponse {
  return { ...response, body: Buffer.from(edit(String(response.body))) };
}
