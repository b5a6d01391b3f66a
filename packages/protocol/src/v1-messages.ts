/**
 * Texts of errors in the v1 API, as the node of 2015 sends them. Clients compare some of them: a farmer requests a new
 * token after `Nonexistent token.`, whose status is 404 at `/heartbeat` and 400 elsewhere.
 */
export const V1_ERRORS = {
  unknownToken: 'Nonexistent token.',
  unknownFarmer: 'Nonexistant farmer id.',
  invalidSort: 'Invalid sort.',
  invalidAddress: 'Invalid address given: address is not a valid SJCX address.',
  notWhitelisted: 'Invalid address given: address must be in whitelist.',
  signatureRequired: 'New token requests must include posted signature proving ownership of farming address',
  invalidSignatureRequest: 'Posted data must be JSON encoded object including "signature" and "message"',
  messageTooLong: 'Please restrict your message to less than 1024 bytes.',
  signatureLength: 'Your signature is the wrong length.  It should be 88bytes.',
  invalidSignature: 'Signature invalid.',
} as const;

/** @param limit tokens per IP address */
export function formatTokenLimitError(limit: number): string {
  return `IP Disallowed, only ${limit} tokens are permitted per IP address`;
}

/** Errors of one contract within a response. */
export const V1_CONTRACT_ERRORS = {
  unknown: 'contract not found',
  expired: 'contract expired',
  answerExpired: 'Answer failed: contract expired.',
  alreadyAnswered: 'Challenge already answered.',
  invalidProof: 'Invalid proof',
  corruptedProof: 'Proof corrupted',
} as const;

export const NO_MORE_CHALLENGES = 'no more challenges';
