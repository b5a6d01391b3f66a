import type { ApiResponse } from '../../api/response.ts';

interface ListedChallenge {
  readonly hash: string;
  readonly challenge: string;
}

/** What an effect returns: it may contain anything. */
type EditedBody = { readonly [Name in keyof PrototypeBody]: unknown };

/** The parts of the prototype API's JSON bodies that effects change. */
interface PrototypeBody {
  readonly file_hash?: string;
  readonly challenge?: string;
  readonly interval?: number;
  readonly all_contracts?: readonly { readonly hash: string }[];
  readonly due_contracts?: readonly ListedChallenge[];
}

/** Changes the JSON body of a response that a handler of the prototype API returned. */
export function editBody(response: ApiResponse, edit: (body: PrototypeBody) => EditedBody): ApiResponse {
  return { ...response, body: Buffer.from(JSON.stringify(edit(JSON.parse(String(response.body))))) };
}
