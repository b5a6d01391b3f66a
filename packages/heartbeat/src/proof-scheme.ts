import type { RandomAccessFile } from './random-access-file.ts';

/** Returns unpredictable bytes, for example `randomBytes` of `node:crypto`. Tests use a seeded source. */
export type RandomBytes = (size: number) => Uint8Array;

/** Converts values to and from the JSON of the original library (heartbeat 0.1.10). */
export interface Codec<T> {
  toJSON(value: T): unknown;
  /**
   * Parses JSON from a peer, in bounded time and memory.
   *
   * @throws HeartbeatError `invalid_data`, with a message that names the field and the limit
   */
  fromJSON(json: unknown): T;
}

/** The data types of a scheme. All are plain data, so they can be sent to worker threads. */
export interface SchemeTypes {
  /** Keys and parameters. The verifier keeps the private heartbeat; the prover receives the public one. */
  heartbeat: unknown;
  /** What a prover needs besides the file. */
  tag: unknown;
  /** What a verifier keeps for each file. It is signed, so that it can be stored elsewhere. */
  state: unknown;
  challenge: unknown;
  proof: unknown;
}

export interface EncodeOptions {
  readonly random: RandomBytes;
  /** Time at which the file is encoded, in seconds since 1970. */
  readonly timestamp: number;
}

/** A tag as a prover stores it, so that it loads only the parts that a proof needs. */
export interface DividedTag {
  /** JSON of less than 200 bytes. */
  readonly head: unknown;
  /** With default parameters, each has less than 1000 bytes. */
  readonly parts: readonly Uint8Array[];
  /** How many challenges the file can get; undefined if they never run out. */
  readonly challengeCount: number | undefined;
}

/** Returns a part of a divided tag by its number, from 0. */
export type ReadPart = (part: number) => Uint8Array;

/**
 * What a prover learns by comparing its proof with the tag.
 *
 * - `correct`: the verifier will accept it.
 * - `corrupt_file`: the covered bytes differ from the encoded ones.
 * - `corrupt_tag`: the tag was changed.
 * - `unknown`: only the verifier can check proofs of this scheme.
 */
export type ProofCheck = 'correct' | 'corrupt_file' | 'corrupt_tag' | 'unknown';

/**
 * A proof-of-storage scheme. All functions are pure: they change no argument. `encode`, `prove` and `verify` block for
 * as long as their hashing, arithmetic and reading take, so services run them in worker threads.
 */
export interface ProofScheme<T extends SchemeTypes = SchemeTypes> {
  readonly heartbeat: Codec<T['heartbeat']>;
  readonly tag: Codec<T['tag']>;
  readonly state: Codec<T['state']>;
  readonly challenge: Codec<T['challenge']>;
  readonly proof: Codec<T['proof']>;

  /** The heartbeat without its keys. */
  getPublic(heartbeat: T['heartbeat']): T['heartbeat'];

  /** @throws HeartbeatError `private_heartbeat_required` */
  encode(
    heartbeat: T['heartbeat'],
    file: RandomAccessFile,
    options: EncodeOptions,
  ): { tag: T['tag']; state: T['state'] };

  /**
   * @returns the next challenge and the state after it; undefined if there are no more challenges
   * @throws HeartbeatError `invalid_signature`, `private_heartbeat_required`
   */
  genChallenge(
    heartbeat: T['heartbeat'],
    state: T['state'],
    random: RandomBytes,
  ): { challenge: T['challenge']; state: T['state'] } | undefined;

  /**
   * @param heartbeat the public one is enough
   * @throws HeartbeatError `file_too_short`, or `invalid_data` if challenge or heartbeat do not belong to the tag
   */
  prove(heartbeat: T['heartbeat'], file: RandomAccessFile, challenge: T['challenge'], tag: T['tag']): T['proof'];

  /**
   * Whether a proof answers a challenge. The verifier must remember which challenges were answered.
   *
   * @throws HeartbeatError `invalid_signature`, `private_heartbeat_required`
   */
  verify(heartbeat: T['heartbeat'], proof: T['proof'], challenge: T['challenge'], state: T['state']): boolean;

  /** Whether the challenge covers no byte of the file, so that a proof shows nothing. */
  isEmptyChallenge(challenge: T['challenge'], tag: T['tag']): boolean;

  /** Whether a received tag is consistent and covers a file of this size in bytes. */
  isTagOf(heartbeat: T['heartbeat'], tag: T['tag'], fileSize: number): boolean;

  checkProof(proof: T['proof'], challenge: T['challenge'], tag: T['tag']): ProofCheck;

  divideTag(tag: T['tag']): DividedTag;

  /**
   * A tag for one challenge, without the parts that its proof does not need.
   *
   * @param head of the divided tag
   * @throws HeartbeatError `invalid_data`; errors of `readPart`
   */
  loadTag(head: unknown, challenge: T['challenge'], readPart: ReadPart): T['tag'];
}
