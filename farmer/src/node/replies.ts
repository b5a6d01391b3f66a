import { type RouteName, statusResponse } from '@downstream/protocol';
import type { z } from 'zod';
import { NodeError } from '../farming/errors.ts';
import type { Reply } from './node-http.ts';

/**
 * Reads a JSON reply by its schema. A `status` error is found under HTTP 200 (as old nodes send it) as well as
 * under 4xx.
 *
 * @throws NodeError `no_token`, `no_hash`, `rejected`, `http_error` or `bad_reply`
 */
export function readJson<T>(route: RouteName, schema: z.ZodType<T>, { status, text }: Reply): T {
  const body = parseJson(text);
  const expected = schema.safeParse(body);
  if (expected.success && status >= 200 && status < 300) return expected.data;
  const said = statusResponse.safeParse(body);
  if (said.success) throw statusError(route, said.data.status, status);
  if (status < 200 || status >= 300)
    throw new NodeError('http_error', route, `the node answered with HTTP ${status}`, { status });
  throw new NodeError('bad_reply', route, "the node's reply is not what the protocol says", {
    status,
    bytes: text.length,
  });
}

/** The `status` that a reply carries, if that is what it is. */
export function parseStatus({ text }: Reply): string | undefined {
  const said = statusResponse.safeParse(parseJson(text));
  return said.success ? said.data.status : undefined;
}

function statusError(route: RouteName, said: string, status: number): NodeError {
  switch (said) {
    case 'no_token':
      return new NodeError('no_token', route, "the node does not know this farmer's token", { status });
    case 'no_hash':
      return new NodeError('no_hash', route, 'the node does not know this contract', { status });
    default:
      return new NodeError('rejected', route, 'the node refused the request', { status });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
