export interface SwizzleHeartbeat {
  /** Of 32 bytes each; undefined in a public heartbeat. */
  readonly keys: { readonly encryption: Uint8Array; readonly mac: Uint8Array } | undefined;
  /** Sectors per chunk. More sectors make tags smaller and proofs larger. */
  readonly sectors: number;
  /** All numbers are modulo this prime. */
  readonly prime: bigint;
  /** The part of a file's chunks that a challenge covers, from 0 to 1. Not in the JSON: parsed heartbeats have 1. */
  readonly checkFraction: number;
}

export interface SwizzleTag {
  /** The authenticator of each chunk of the file. Those that were not loaded are missing. */
  readonly sigma: readonly bigint[];
}

/** Contains the keys of the file's authenticators, which only the heartbeat's keys decrypt. */
export interface SwizzleState {
  /** Chunks of the encoded file. */
  readonly chunkCount: number;
  /** 16 bytes. */
  readonly iv: Uint8Array;
  /** The keys of f and alpha, encrypted. */
  readonly encryptedKeys: Uint8Array;
  /** HMAC-SHA256 of the other fields, 32 bytes. */
  readonly signature: Uint8Array;
}

export interface SwizzleChallenge {
  /** How many chunks are drawn; all chunks are covered once if it is at least their number. */
  readonly chunks: number;
  /** Determines chunks and coefficients, 32 bytes. */
  readonly key: Uint8Array;
  /** Coefficients are below this. */
  readonly coefficientLimit: bigint;
}

export interface SwizzleProof {
  /** For each sector, the sum of coefficient × sector. */
  readonly mu: readonly bigint[];
  /** The sum of coefficient × authenticator. */
  readonly sigma: bigint;
}

export interface SwizzleTypes {
  heartbeat: SwizzleHeartbeat;
  tag: SwizzleTag;
  state: SwizzleState;
  challenge: SwizzleChallenge;
  proof: SwizzleProof;
}

export const KEY_BYTES = 32;
export const DEFAULT_SECTORS = 10;
export const DEFAULT_PRIME_BITS = 1024;
export const MAX_SECTORS = 1024;
/** Smaller primes are insecure, and their small sectors make proofs slow. */
export const MIN_PRIME_BITS = 256;
/** The original's limit for numbers is 1024 bytes. */
export const MAX_NUMBER_BYTES = 1024;
/** Enough for files of 150 MiB with the default sectors and prime. */
export const MAX_TAG_BYTES = 16 * 1024 * 1024;
/** Limits the memory for tags of short numbers. */
export const MAX_CHUNKS = 131_072;
