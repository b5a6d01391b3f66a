import { parseJson } from '@downstream/platform';
import { buildPath } from '@downstream/protocol';
import { z } from 'zod';
import { NodeError } from '../farming/errors.ts';
import type { CallOptions, NodeApi } from '../farming/ports.ts';
import type { NodeHttp, NodeRequest } from './node-http.ts';
import { readWhole, toResponseError } from './responses.ts';

/** No node has issued it. */
const UNKNOWN_TOKEN = '0'.repeat(32);

const v1Root = z.object({ msg: z.literal('ok') });

const prototypeListing = z.union([
  z.object({ status: z.literal('no_token') }),
  z.object({ all_contracts: z.array(z.unknown()) }),
  /** The node of September 2014. */
  z.object({ contracts: z.literal('data') }),
]);

/**
 * Finds out which API a node serves: prototype if it serves both, as the mock node does. Only for nodes without
 * contracts, because contracts stay with the API that issued them.
 *
 * Each API is detected by a response that no other server sends. Everything else is an error, after which the caller
 * tries again: while a node starts, the proxy in front of it may respond with 404.
 *
 * @throws NodeError if the node serves neither API or does not respond; the signal's reason when aborted
 */
export async function detectApi(http: NodeHttp, options: CallOptions = {}): Promise<NodeApi> {
  const listing = await request(http, {
    ...options,
    route: 'due',
    path: buildPath('due', { token: UNKNOWN_TOKEN }),
  });
  if (prototypeListing.safeParse(listing.body).success) return 'prototype';
  const root = await request(http, { ...options, route: 'v1_root', path: buildPath('v1_root', {}) });
  if (root.status === 200 && v1Root.safeParse(root.body).success) return 'v1';
  const message = 'the server responds like no known node: check FARMER_NODE_URL';
  throw new NodeError('invalid_response', 'v1_root', message, { status: root.status });
}

/** @throws NodeError also if the same request may get another response later */
async function request(
  http: NodeHttp,
  call: Omit<NodeRequest<unknown>, 'read'>,
): Promise<{ status: number; body: unknown }> {
  return await http.request({
    ...call,
    read: async (response) => {
      const { status, text } = await readWhole(response);
      if (isTemporary(status)) throw toResponseError(call.route, status, undefined);
      return { status, body: parseJson(text) };
    },
  });
}

function isTemporary(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}
