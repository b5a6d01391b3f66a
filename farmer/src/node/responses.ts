import { parseJson } from '@downstream/platform';
import { isV1Route, type RouteName, statusResponse } from '@downstream/protocol';
import type { z } from 'zod';
import { NodeError } from '../farming/errors.ts';
import type { NodeResponse } from './node-http.ts';
import { toV1Error } from './v1-errors.ts';

/** A response whose body was read. */
export interface TextResponse {
  readonly status: number;
  readonly text: string;
}

/** Longer than any response without a long list. Its JSON can be parsed at once. */
const MAX_TEXT_LENGTH = 64 * 1024;

/** Reads a response without a long list. Stops when it is too long; what was read is not complete JSON then. */
export async function readWhole({ status, body }: NodeResponse): Promise<TextResponse> {
  let text = '';
  for await (const piece of body) {
    text += piece;
    if (text.length > MAX_TEXT_LENGTH) break;
  }
  return { status, text: text.slice(0, MAX_TEXT_LENGTH) };
}

/**
 * Parses a JSON response. A `status` error may come with HTTP 200 (older nodes) or with 4xx.
 *
 * @throws NodeError `no_token`, `no_hash`, `rejected`, `http_error` or `invalid_response`
 */
export function parseResponse<T>(route: RouteName, schema: z.ZodType<T>, { status, text }: TextResponse): T {
  const body = parseJson(text);
  const expected = schema.safeParse(body);
  if (expected.success && isSuccess(route, status)) return expected.data;
  throw toResponseError(route, status, body);
}

/** @returns the `status` field; undefined if the response has none */
export function parseStatus({ text }: TextResponse): string | undefined {
  return statusResponse.safeParse(parseJson(text)).data?.status;
}

/** The error for a response that is not the expected one. */
export function toResponseError(route: RouteName, status: number, body: unknown): NodeError {
  const other = statusResponse.safeParse(body);
  if (other.success && isV1Route(route)) return toV1Error(route, other.data.message, status);
  if (other.success) return toStatusError(route, other.data.status, status);
  if (!isSuccess(route, status)) {
    return new NodeError('http_error', route, `the node responded with HTTP ${status}`, { status });
  }
  return new NodeError('invalid_response', route, "the node's response does not match the protocol", { status });
}

/** Nodes of the v1 API succeed with status 200 only. */
export function isSuccess(route: RouteName, status: number): boolean {
  return isV1Route(route) ? status === 200 : status >= 200 && status < 300;
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
