import type { ApiResponse } from '../../api/response.ts';

interface ListedChallenge {
  readonly hash: string;
  readonly challenge: string;
}

interface V1Entry {
  readonly file_hash: number;
  /** JSON of the scheme. */
  readonly challenge?: unknown;
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
  /** v1 API. */
  readonly chunks?: readonly V1Entry[];
  readonly challenges?: readonly V1Entry[];
}

/** Changes the JSON body of a response that a handler returned. */
export function editBody(response: ApiResponse, edit: (body: KnownBody) => EditedBody): ApiResponse {
  return { ...response, body: Buffer.from(JSON.stringify(edit(JSON.parse(String(response.body))))) };
}
