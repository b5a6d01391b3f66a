/** A complete body, or its blocks in order. */
export type Body = Buffer | Iterable<Buffer>;

/** A response as data, before it is sent. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

type Headers = ApiResponse['headers'];

export function json(value: unknown, status = 200, headers: Headers = {}): ApiResponse {
  const type = { 'Content-Type': 'application/json; charset=utf-8' };
  return { status, headers: { ...type, ...headers }, body: Buffer.from(JSON.stringify(value)) };
}

/** A response without the body if HTTP allows none with this status. */
export function withAllowedBody(response: ApiResponse): ApiResponse {
  if (![204, 205, 304].includes(response.status)) return response;
  const { 'Content-Type': _, ...headers } = response.headers;
  return { ...response, headers, body: Buffer.alloc(0) };
}
