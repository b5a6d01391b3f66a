import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { createSwizzleHeartbeat, proveRequest, type RandomAccessFile, swizzle } from '@downstream/heartbeat';

/** Encodes a file, and verifies a proof that it is stored. */
export function audit(path: string): boolean {
  const descriptor = openSync(path, 'r');
  const file: RandomAccessFile = {
    size: fstatSync(descriptor).size,
    read: (buffer, position) => readSync(descriptor, buffer, 0, buffer.length, position),
  };

  // The verifier keeps the private heartbeat and the state.
  const heartbeat = createSwizzleHeartbeat(randomBytes);
  const { tag, state } = swizzle.encode(heartbeat, file, { random: randomBytes });
  const { challenge } = swizzle.genChallenge(heartbeat, state, randomBytes);

  // The prover receives JSON and responds with JSON.
  const request = {
    type: 'Swizzle',
    heartbeat: swizzle.heartbeat.toJSON(swizzle.getPublic(heartbeat)),
    tag: swizzle.tag.toJSON(tag),
    challenge: swizzle.challenge.toJSON(challenge),
  };
  const { proof } = proveRequest(request, file);
  closeSync(descriptor);

  return swizzle.verify(heartbeat, swizzle.proof.fromJSON(proof), challenge, state);
}
