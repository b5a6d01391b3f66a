import { rejectField } from './json-fields.ts';
import { merkle } from './merkle/merkle.ts';
import type { DividedTag, ProofCheck, ProofScheme, ReadPart, SchemeTypes } from './proof-scheme.ts';
import type { RandomAccessFile } from './random-access-file.ts';
import { swizzle } from './swizzle/swizzle.ts';

/** A tag that a prover has received from a verifier. */
export interface ReceivedTag {
  /** `Merkle` or `Swizzle`. */
  readonly type: string;
  /** JSON of the public heartbeat. */
  readonly heartbeat: unknown;
  /** JSON. */
  readonly tag: unknown;
}

export interface ProofRequest extends ReceivedTag {
  /** JSON. */
  readonly challenge: unknown;
}

/** A request for a proof with a tag that was divided. */
export interface DividedProofRequest extends Omit<ProofRequest, 'tag'> {
  readonly head: unknown;
}

export interface ProofResult {
  /** JSON for the verifier. */
  readonly proof: unknown;
  /** Whether the challenge covers no byte of the file, so that the proof shows nothing. */
  readonly isEmptyChallenge: boolean;
  readonly check: ProofCheck;
}

/**
 * Parses a request, and proves the file with its scheme. Request and result are plain data, for worker threads.
 *
 * @throws HeartbeatError `invalid_data`, `file_too_short`; errors of `file`
 */
export function proveRequest(request: ProofRequest, file: RandomAccessFile): ProofResult {
  return withScheme(request.type, (scheme) => prove(scheme, request, file, () => scheme.tag.fromJSON(request.tag)));
}

/**
 * Like {@link proveRequest}, but reads only the parts of the tag that the challenge needs.
 *
 * @throws HeartbeatError `invalid_data`, `file_too_short`; errors of `file` and `readPart`
 */
export function proveDividedRequest(
  request: DividedProofRequest,
  file: RandomAccessFile,
  readPart: ReadPart,
): ProofResult {
  return withScheme(request.type, (scheme) =>
    prove(scheme, request, file, (challenge) => scheme.loadTag(request.head, challenge, readPart)),
  );
}

/**
 * Checks a received tag completely, and divides it for storage.
 *
 * @param fileSize of the file that the tag must belong to, in bytes
 * @throws HeartbeatError `invalid_data`
 */
export function divideReceivedTag({ type, heartbeat, tag: json }: ReceivedTag, fileSize: number): DividedTag {
  return withScheme(type, (scheme) => {
    const tag = scheme.tag.fromJSON(json);
    if (scheme.isTagOf(scheme.heartbeat.fromJSON(heartbeat), tag, fileSize)) return scheme.divideTag(tag);
    return rejectField('tag', `consistent, and the tag of a file of ${fileSize} bytes`, 'another tag');
  });
}

function withScheme<R>(type: string, use: <T extends SchemeTypes>(scheme: ProofScheme<T>) => R): R {
  switch (type) {
    case 'Merkle':
      return use(merkle);
    case 'Swizzle':
      return use(swizzle);
    default:
      return rejectField('type', 'Merkle or Swizzle', JSON.stringify(String(type).slice(0, 40)));
  }
}

function prove<T extends SchemeTypes>(
  scheme: ProofScheme<T>,
  request: Pick<ProofRequest, 'heartbeat' | 'challenge'>,
  file: RandomAccessFile,
  loadTag: (challenge: T['challenge']) => T['tag'],
): ProofResult {
  const heartbeat = scheme.heartbeat.fromJSON(request.heartbeat);
  const challenge = scheme.challenge.fromJSON(request.challenge);
  const tag = loadTag(challenge);
  const proof = scheme.prove(heartbeat, file, challenge, tag);
  return {
    proof: scheme.proof.toJSON(proof),
    isEmptyChallenge: scheme.isEmptyChallenge(challenge, tag),
    check: scheme.checkProof(proof, challenge, tag),
  };
}
