import { CodedError, type Details } from '@downstream/platform';

/** Why a call to a node failed. */
export const NODE_ERROR_CODES = [
  /** No connection, or it broke before the response was complete. */
  'unreachable',
  /** No complete response in time. */
  'timeout',
  /** A response that violates the protocol: HTML, wrong fields, too long. */
  'invalid_response',
  /** An HTTP error status without a reason from the protocol. */
  'http_error',
  /** `{"status":"error"}` */
  'rejected',
  /** The node does not know this farmer's token. */
  'no_token',
  /** The node does not know this contract. */
  'no_hash',
  /** The circuit breaker is open: no request was sent. */
  'circuit_open',
] as const;
export type NodeErrorCode = (typeof NODE_ERROR_CODES)[number];

/** A call to a node failed. Message, details and cause contain no URL, since URLs of this API contain the token. */
export class NodeError extends CodedError<NodeErrorCode> {
  /** The route's name in the protocol. */
  readonly route: string;
  /** The minimum pause that the node or the circuit breaker asks for; already bounded. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: NodeErrorCode,
    route: string,
    message: string,
    { retryAfterMs, ...details }: Details & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(code, message, { ...details, route, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    this.route = route;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The kinds of chunk errors that are counted, since their cause is on this machine or its network. */
export const CHUNK_ERROR_KINDS = [
  'corrupt',
  'unreadable',
  'slow',
  'exhausted',
  'disk_full',
  'download_failed',
] as const;
export type ChunkErrorKind = (typeof CHUNK_ERROR_KINDS)[number];

export type ChunkErrorCode =
  /** The generated or downloaded bytes do not match the contract's hash. */
  | 'hash_mismatch'
  /** The download is from an origin that is not allowed, or is longer than a chunk. */
  | 'download_rejected'
  | 'download_failed'
  | 'disk_full'
  /** No working disk has space for the chunk. */
  | 'no_space'
  | 'unreadable'
  /** A read or write timed out. */
  | 'slow'
  /** The process is out of file descriptors, threads or memory. The chunk may be intact. */
  | 'exhausted'
  /** The file's hash no longer matches. */
  | 'corrupt'
  /** The challenge cannot belong to the contract. */
  | 'invalid_challenge'
  /** What proofs of the contract need is lost. */
  | 'no_tag'
  /** The work was abandoned because the farmer stops. */
  | 'interrupted';

/** An operation on a chunk failed. */
export class ChunkError extends CodedError<ChunkErrorCode> {}
