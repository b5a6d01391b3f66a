import { checkPrimeSync } from 'node:crypto';
import { readInteger, readNumber, rejectField } from '../json-fields.ts';
import type { EncodeOptions, ProofCheck, ProofScheme, RandomBytes } from '../proof-scheme.ts';
import type { RandomAccessFile } from '../random-access-file.ts';
import { fromBigInt, toBigInt } from './big-number.ts';
import { countChunks, readSectors, selectChunks } from './swizzle-chunks.ts';
import { challengeCodec, heartbeatCodec, proofCodec, stateCodec, tagCodec } from './swizzle-json.ts';
import { divideTag, loadTag } from './swizzle-parts.ts';
import { createSwizzlePrf } from './swizzle-prf.ts';
import { getKeys, openState, sealState } from './swizzle-state.ts';
import {
  DEFAULT_PRIME_BITS,
  DEFAULT_SECTORS,
  KEY_BYTES,
  MAX_CHUNKS,
  MAX_NUMBER_BYTES,
  MAX_SECTORS,
  MAX_TAG_BYTES,
  MIN_PRIME_BITS,
  type SwizzleChallenge,
  type SwizzleHeartbeat,
  type SwizzleProof,
  type SwizzleState,
  type SwizzleTag,
  type SwizzleTypes,
} from './swizzle-types.ts';

export interface SwizzleOptions {
  /** The part of a file's chunks that a challenge covers, from 0 to 1, which is the default. */
  readonly checkFraction?: number;
  /** Sectors per chunk, from 1 to 1024; 10 by default. */
  readonly sectors?: number;
  /** From 256 to 8192; 1024 by default. */
  readonly primeBits?: number;
}

/** A private heartbeat with new keys and a new prime. Takes about 0.2 s for 1024 bits. */
export function createSwizzleHeartbeat(random: RandomBytes, options: SwizzleOptions = {}): SwizzleHeartbeat {
  const primeBits = options.primeBits ?? DEFAULT_PRIME_BITS;
  return {
    keys: { encryption: random(KEY_BYTES), mac: random(KEY_BYTES) },
    sectors: readInteger(options.sectors ?? DEFAULT_SECTORS, 'sectors', 1, MAX_SECTORS),
    prime: createPrime(random, readInteger(primeBits, 'primeBits', MIN_PRIME_BITS, 8 * MAX_NUMBER_BYTES)),
    checkFraction: readNumber(options.checkFraction ?? 1, 'checkFraction', 0, 1),
  };
}

function createPrime(random: RandomBytes, bits: number): bigint {
  for (;;) {
    const drawn = BigInt.asUintN(bits - 1, toBigInt(Buffer.from(random(Math.ceil(bits / 8)))));
    const candidate = (1n << BigInt(bits - 1)) | drawn | 1n;
    if (checkPrimeSync(candidate)) return candidate;
  }
}

/**
 * The private scheme of Shacham and Waters, "Compact Proofs of Retrievability" (2008), section 3.2. Challenges never
 * run out, and a proof has the same size for any number of chunks.
 *
 * A file consists of chunks of `sectors` numbers m. Chunk i has the authenticator
 * sigma_i = f(i) + Σ_j alpha(j)·m_ij. A proof is mu_j = Σ_i v_i·m_ij and sigma = Σ_i v_i·sigma_i, and is correct if
 * sigma = Σ_i v_i·f(i) + Σ_j alpha(j)·mu_j, all modulo the prime.
 *
 * With the default sectors and prime, `encode`, `prove` and `verify` each take 20 to 50 ms per MiB of covered chunks.
 * Sums are reduced once, at the end. Except for the tag, memory does not depend on the size of the file.
 *
 * Source: `cxx/shacham_waters_private.cxx` of Storj's heartbeat 0.1.10.
 */
export const swizzle = {
  heartbeat: heartbeatCodec,
  tag: tagCodec,
  state: stateCodec,
  challenge: challengeCodec,
  proof: proofCodec,

  getPublic(heartbeat: SwizzleHeartbeat): SwizzleHeartbeat {
    return { ...heartbeat, keys: undefined };
  },

  encode(
    heartbeat: SwizzleHeartbeat,
    file: RandomAccessFile,
    { random }: Pick<EncodeOptions, 'random'>,
  ): { tag: SwizzleTag; state: SwizzleState } {
    getKeys(heartbeat);
    const { prime, sectors } = heartbeat;
    const chunkCount = countChunks(heartbeat, file.size);
    readInteger(chunkCount, 'chunks of the file', 1, MAX_CHUNKS);
    readInteger(4 + chunkCount * (4 + fromBigInt(prime).length), 'bytes of the tag', 1, MAX_TAG_BYTES);
    const keys = { f: random(KEY_BYTES), alpha: random(KEY_BYTES) };
    const f = createSwizzlePrf(keys.f, prime);
    const alphas = Array.from({ length: sectors }, (_, sector) => sector).map(createSwizzlePrf(keys.alpha, prime));
    const sigma: bigint[] = [];
    for (const numbers of readSectors(heartbeat, file, Array(chunkCount).keys())) {
      let sum = f(sigma.length);
      for (const [sector, number] of numbers.entries()) sum += (alphas[sector] ?? 0n) * number;
      sigma.push(sum % prime);
    }
    return { tag: { sigma }, state: sealState(heartbeat, { ...keys, chunkCount }, random) };
  },

  /** Covers at least one chunk; the original covers none if the check fraction of the chunks is below one. */
  genChallenge(
    heartbeat: SwizzleHeartbeat,
    state: SwizzleState,
    random: RandomBytes,
  ): { challenge: SwizzleChallenge; state: SwizzleState } {
    openState(heartbeat, state);
    const chunks = Math.max(1, Math.trunc(heartbeat.checkFraction * state.chunkCount));
    return { challenge: { chunks, key: random(KEY_BYTES), coefficientLimit: heartbeat.prime }, state };
  },

  prove(
    heartbeat: SwizzleHeartbeat,
    file: RandomAccessFile,
    challenge: SwizzleChallenge,
    { sigma }: SwizzleTag,
  ): SwizzleProof {
    const { prime, sectors } = heartbeat;
    const expected = countChunks(heartbeat, file.size);
    if (sigma.length !== expected) {
      rejectField('tag.count', `${expected} for a file of ${file.size} bytes`, String(sigma.length));
    }
    const indices = selectChunks(challenge, sigma.length);
    const coefficient = createSwizzlePrf(challenge.key, challenge.coefficientLimit);
    const mu: bigint[] = Array(sectors).fill(0n);
    let [sigmaSum, draw] = [0n, 0];
    for (const numbers of readSectors(heartbeat, file, indices)) {
      const chunk = indices[draw] ?? 0;
      const v = coefficient(draw);
      for (const [sector, number] of numbers.entries()) mu[sector] = (mu[sector] ?? 0n) + v * number;
      sigmaSum += v * (sigma[chunk] ?? rejectField(`tag.sigma[${chunk}]`, 'loaded', 'nothing'));
      draw++;
    }
    return { mu: mu.map((sum) => sum % prime), sigma: sigmaSum % prime };
  },

  verify(heartbeat: SwizzleHeartbeat, proof: SwizzleProof, challenge: SwizzleChallenge, state: SwizzleState): boolean {
    const keys = openState(heartbeat, state);
    const { prime, sectors } = heartbeat;
    if (proof.mu.length !== sectors) return false;
    const f = createSwizzlePrf(keys.f, prime);
    const alpha = createSwizzlePrf(keys.alpha, prime);
    const coefficient = createSwizzlePrf(challenge.key, challenge.coefficientLimit);
    let sum = 0n;
    for (const [draw, chunk] of selectChunks(challenge, state.chunkCount).entries()) {
      sum += coefficient(draw) * f(chunk);
    }
    for (const [sector, mu] of proof.mu.entries()) sum += alpha(sector) * mu;
    return proof.sigma === sum % prime;
  },

  /** Original nodes send such challenges for small files; an all-zero proof passes. */
  isEmptyChallenge({ chunks }: SwizzleChallenge): boolean {
    return chunks === 0;
  },

  isTagOf(heartbeat: SwizzleHeartbeat, { sigma }: SwizzleTag, fileSize: number): boolean {
    return sigma.length === countChunks(heartbeat, fileSize);
  },

  checkProof(): ProofCheck {
    return 'unknown';
  },

  divideTag,
  loadTag,
} satisfies ProofScheme<SwizzleTypes>;
