import { getErrorCode, TimeoutError } from '@downstream/platform';
import type { RouteName } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';

const UNTRUSTED = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
];

/** Keeps only the error code of an HTTP client's error: the rest contains the URL, and the URL contains the token. */
export function toNodeError(error: unknown, route: RouteName): NodeError {
  if (error instanceof NodeError) return error;
  if (error instanceof TimeoutError) return new NodeError('timeout', route, 'the node did not respond in time');
  const cause = getErrorCode(error) ?? 'unknown';
  if (cause.startsWith('HPE_')) {
    return new NodeError('invalid_response', route, "the node's response is not HTTP", { cause });
  }
  if (UNTRUSTED.includes(cause)) {
    const message = "the node's certificate is from an authority that is not trusted: to trust it, set FARMER_CA_FILE";
    return new NodeError('unreachable', route, message, { cause });
  }
  return new NodeError('unreachable', route, 'the connection to the node failed', { cause });
}

/** Whether a reused connection broke or was silent. Then the failure says nothing about the node. */
export function isStaleConnection(error: unknown, { isReused }: { readonly isReused: boolean }): boolean {
  return isReused && error instanceof NodeError && (error.code === 'unreachable' || error.code === 'timeout');
}
