import { rejectField } from './json-fields.ts';
import { merkle } from './merkle/merkle.ts';
import type { ProofScheme, SchemeTypes } from './proof-scheme.ts';
import type { RandomAccessFile } from './random-access-file.ts';
import { swizzle } from './swizzle/swizzle.ts';

/** What a prover has received from a verifier, as JSON. */
export interface ProofRequest {
  /** `Merkle` or `Swizzle`. */
  readonly type: string;
  /** The public heartbeat. */
  readonly heartbeat: unknown;
  readonly tag: unknown;
  readonly challenge: unknown;
}

export interface ProofResult {
  /** JSON for the verifier. */
  readonly proof: unknown;
  /** Whether the challenge covers no byte of the file, so that the proof shows nothing. */
  readonly isEmptyChallenge: boolean;
}

/**
 * Parses a request, and proves the file with its scheme. Request and result are plain data, for worker threads.
 *
 * @throws HeartbeatError `invalid_data`, `file_too_short`; errors of `file`
 */
export function proveRequest(request: ProofRequest, file: RandomAccessFile): ProofResult {
  switch (request.type) {
    case 'Merkle':
      return proveWith(merkle, request, file);
    case 'Swizzle':
      return proveWith(swizzle, request, file);
    default:
      return rejectField('type', 'Merkle or Swizzle', JSON.stringify(String(request.type).slice(0, 40)));
  }
}

function proveWith<T extends SchemeTypes>(
  scheme: ProofScheme<T>,
  request: ProofRequest,
  file: RandomAccessFile,
): ProofResult {
  const heartbeat = scheme.heartbeat.fromJSON(request.heartbeat);
  const challenge = scheme.challenge.fromJSON(request.challenge);
  const tag = scheme.tag.fromJSON(request.tag);
  return {
    proof: scheme.proof.toJSON(scheme.prove(heartbeat, file, challenge, tag)),
    isEmptyChallenge: scheme.isEmptyChallenge(challenge, tag),
  };
}
