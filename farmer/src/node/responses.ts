import { parseJson } from '@downstream/platform';
import { type RouteName, statusResponse } from '@downstream/protocol';
import type { z } from 'zod';
import { NodeError } from '../farming/errors.ts';
import type { NodeResponse } from './node-http.ts';

/**
 * Parses a JSON response. A `status` error may come with HTTP 200 (older nodes) or with 4xx.
 *
 * @throws NodeError `no_token`, `no_hash`, `rejected`, `http_error` or `invalid_response`
 */
export function parseResponse<T>(route: RouteName, schema: z.ZodType<T>, { status, text }: NodeResponse): T {
  const body = parseJson(text);
  const expected = schema.safeParse(body);
  if (expected.success && status >= 200 && status < 300) return expected.data;
  const other = statusResponse.safeParse(body);
  if (other.success) throw toStatusError(route, other.data.status, status);
  if (status < 200 || status >= 300) {
    throw new NodeError('http_error', route, `the node responded with HTTP ${status}`, { status });
  }
  throw new NodeError('invalid_response', route, "the node's response does not match the protocol", {
    status,
    bytes: text.length,
  });
}

/** @returns the `status` field; undefined if the response has none */
export function parseStatus({ text }: NodeResponse): string | undefined {
  return statusResponse.safeParse(parseJson(text)).data?.status;
}

function toStatusError(route: RouteName, nodeStatus: string, status: number): NodeError {
  switch (nodeStatus) {
    case 'no_token':
      return new NodeError('no_token', route, "the node does not know this farmer's token", { status });
    case 'no_hash':
      return new NodeError('no_hash', route, 'the node does not know this contract', { status });
    default:
      return new NodeError('rejected', route, 'the node rejected the request', { status });
  }
}
