import { CodedError, type Details } from '@downstream/platform';

/** How a call to a node can go wrong. */
export const NODE_ERROR_CODES = [
  /** No connection, or one that broke before the reply was whole. */
  'unreachable',
  /** No whole reply in time. */
  'timeout',
  /** A reply that is not what the protocol says: HTML, other fields, too long. */
  'invalid_response',
  /** An HTTP error without a reason that the protocol knows. */
  'http_error',
  /** `{"status":"error"}` */
  'rejected',
  /** The node does not know this farmer's token. */
  'no_token',
  /** The node does not know this contract. */
  'no_hash',
  /** The node failed again and again: it is left alone for a while, and nothing was sent. */
  'circuit_open',
] as const;
export type NodeErrorCode = (typeof NODE_ERROR_CODES)[number];

/** A call to a node failed. Neither message nor details nor cause hold a URL: URLs of this API hold the token. */
export class NodeError extends CodedError<NodeErrorCode> {
  /** The route's name in the protocol. */
  readonly route: string;
  /** How long the node, or the circuit breaker before it, wants to be left alone; already bounded. */
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

/** What can be wrong with a chunk on this side, and is counted; the rest is the node's doing, or nobody's. */
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
  /** The bytes made or fetched are not those the contract names. */
  | 'hash_mismatch'
  /** A download from somewhere else than the node, or longer than a chunk. */
  | 'download_rejected'
  /** A download that broke off. */
  | 'download_failed'
  | 'disk_full'
  /** No disk that is well has room for it. */
  | 'no_space'
  | 'unreadable'
  /** Reading or writing it took too long. */
  | 'slow'
  /** This process has no more file handles, threads or memory: that says nothing of the chunk. */
  | 'exhausted'
  /** The file is there, its bytes have changed. */
  | 'corrupt'
  /** Work given up because the farmer stops. */
  | 'interrupted';

/** Something is wrong with a chunk or its file. */
export class ChunkError extends CodedError<ChunkErrorCode> {}
