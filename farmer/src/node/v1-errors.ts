import { V1_ERRORS, type V1RouteName } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';

interface Rejection {
  readonly reason: string;
  readonly message: string;
}

const SIGNATURE_REQUIRED: Rejection = {
  reason: 'signature_required',
  message: 'the node requires a signed message of the payout address: set FARMER_IDENTITY_FILE',
};
const SIGNATURE_INVALID: Rejection = {
  reason: 'signature_invalid',
  message: 'the node rejected the signed message of the payout address: check FARMER_IDENTITY_FILE',
};

/** Rejections of requests, by the node's text. */
const REJECTIONS: ReadonlyMap<string, Rejection> = new Map([
  [V1_ERRORS.signatureRequired, SIGNATURE_REQUIRED],
  [V1_ERRORS.invalidSignatureRequest, SIGNATURE_REQUIRED],
  [V1_ERRORS.messageTooLong, SIGNATURE_INVALID],
  [V1_ERRORS.signatureLength, SIGNATURE_INVALID],
  [V1_ERRORS.invalidSignature, SIGNATURE_INVALID],
  [V1_ERRORS.invalidAddress, { reason: 'address_invalid', message: 'the node rejected the payout address as invalid' }],
  [
    V1_ERRORS.notWhitelisted,
    { reason: 'address_not_whitelisted', message: 'the payout address is not on the whitelist of the node' },
  ],
]);
const TOKEN_LIMIT = /^IP Disallowed, only \d+ tokens are permitted per IP address$/;
const TOO_MANY_TOKENS: Rejection = {
  reason: 'too_many_tokens',
  message: 'the node has issued the maximum number of tokens to the IP address of this computer',
};
const OTHER: Rejection = { reason: 'other', message: 'the node rejected the request' };

/**
 * The error for a response `{"status":"error","message"}`. The node's text does not become part of it: it may contain
 * the token.
 */
export function toV1Error(route: V1RouteName, text: string | undefined, status: number): NodeError {
  if (text === V1_ERRORS.unknownToken && (status === 400 || status === 404)) {
    return new NodeError('no_token', route, "the node does not know this farmer's token", { status });
  }
  const { reason, message } = findRejection(text ?? '');
  return new NodeError('rejected', route, message, { status, reason });
}

function findRejection(text: string): Rejection {
  return REJECTIONS.get(text) ?? (TOKEN_LIMIT.test(text) ? TOO_MANY_TOKENS : OTHER);
}
