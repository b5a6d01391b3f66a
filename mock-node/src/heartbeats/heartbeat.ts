import {
  createMerkleHeartbeat,
  createSwizzleHeartbeat,
  type EncodeOptions,
  fileFromBytes,
  HeartbeatError,
  merkle,
  type ProofScheme,
  type RandomBytes,
  type SchemeTypes,
  swizzle,
} from '@downstream/heartbeat';
import type { V1Scheme } from '@downstream/protocol';
import type { ProofVerdict } from '../ledger/heartbeat-contracts.ts';

/** A private heartbeat as plain data, for the state file and for threads. */
export interface StoredHeartbeat {
  readonly scheme: V1Scheme;
  /** The part of a chunk that a challenge covers. */
  readonly checkFraction: number;
  /** JSON of the scheme. */
  readonly json: unknown;
}

/** A chunk's tag and state as JSON texts. */
export interface EncodedTexts {
  readonly tag: string;
  readonly state: string;
}

/** A proof as it was received, and JSON texts of its challenge and its state if it can still count. */
export type ProofToVerify =
  | { readonly proof: unknown; readonly challenge: string; readonly state: string }
  | { readonly proof: unknown; readonly challenge?: undefined };

/** A private heartbeat whose operations take and return JSON, whatever its scheme. */
export interface Heartbeat {
  readonly publicJson: unknown;
  /** @param challenges how many challenges the chunk can get, if the scheme limits them */
  encode(chunk: Uint8Array, options: EncodeOptions & { readonly challenges: number }): EncodedTexts;
  /** @returns undefined if there are no more challenges */
  next(state: string, random: RandomBytes): { readonly challenge: string; readonly state: string } | undefined;
  verify(proof: ProofToVerify): ProofVerdict;
}

export function createHeartbeat(scheme: V1Scheme, checkFraction: number, random: RandomBytes): StoredHeartbeat {
  const json =
    scheme === 'Merkle'
      ? merkle.heartbeat.toJSON(createMerkleHeartbeat(random, checkFraction))
      : swizzle.heartbeat.toJSON(createSwizzleHeartbeat(random));
  return { scheme, checkFraction, json };
}

export function openHeartbeat({ scheme, checkFraction, json }: StoredHeartbeat): Heartbeat {
  return scheme === 'Merkle'
    ? bind(merkle, merkle.heartbeat.fromJSON(json))
    : bind(swizzle, { ...swizzle.heartbeat.fromJSON(json), checkFraction });
}

function bind<T extends SchemeTypes>(scheme: ProofScheme<T>, heartbeat: T['heartbeat']): Heartbeat {
  return {
    publicJson: scheme.heartbeat.toJSON(scheme.getPublic(heartbeat)),
    encode(chunk, options) {
      const { tag, state } = scheme.encode(heartbeat, fileFromBytes(chunk), options);
      return { tag: JSON.stringify(scheme.tag.toJSON(tag)), state: JSON.stringify(scheme.state.toJSON(state)) };
    },
    next(text, random) {
      const next = scheme.genChallenge(heartbeat, scheme.state.fromJSON(JSON.parse(text)), random);
      if (next === undefined) return undefined;
      return {
        challenge: JSON.stringify(scheme.challenge.toJSON(next.challenge)),
        state: JSON.stringify(scheme.state.toJSON(next.state)),
      };
    },
    verify(toVerify) {
      const proof = parseProof(scheme, toVerify.proof);
      if (proof === undefined) return 'corrupted';
      if (toVerify.challenge === undefined) return 'unverified';
      const challenge = scheme.challenge.fromJSON(JSON.parse(toVerify.challenge));
      const state = scheme.state.fromJSON(JSON.parse(toVerify.state));
      return scheme.verify(heartbeat, proof, challenge, state) ? 'valid' : 'invalid';
    },
  };
}

function parseProof<T extends SchemeTypes>(scheme: ProofScheme<T>, json: unknown): T['proof'] | undefined {
  try {
    return scheme.proof.fromJSON(json);
  } catch (error) {
    if (error instanceof HeartbeatError) return undefined;
    throw error;
  }
}
