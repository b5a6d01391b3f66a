/** A complete body, or its blocks in order. */
export type Body = Buffer | Iterable<Buffer>;

/** A response as data, before it is sent. */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
}

export function json(value: unknown, status = 200, headers: ApiResponse['headers'] = {}): ApiResponse {
  const type = { 'Content-Type': 'application/json; charset=utf-8' };
  return { status, headers: { ...type, ...headers }, body: Buffer.from(JSON.stringify(value)) };
}
