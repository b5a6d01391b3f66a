import type { V1Scheme } from '@downstream/protocol';
import { editBody } from './edit-body.ts';
import type { Violation } from './effect.ts';

const SCHEME: V1Scheme = 'Swizzle';
const PUBLIC = 1;
const SECTORS = 10;

export const wrongPrime: Violation<'wrong_prime'> =
  (handle, { effect: { bits } }) =>
  async (call) =>
    editBody(await handle(call), (body) =>
      body.type === undefined ? body : { ...body, type: SCHEME, heartbeat: createHeartbeat(bits) },
    );

/** The binary form of a public heartbeat. Its prime is 2^bits − 1. */
function createHeartbeat(bits: number): string {
  const prime = Buffer.alloc(Math.ceil(bits / 8), 0xff);
  prime[0] = 0xff >> (8 * prime.length - bits);
  const header = Buffer.alloc(13);
  header.writeUInt8(PUBLIC);
  header.writeUInt32LE(SECTORS, 1);
  header.writeUInt32LE(Math.floor(bits / 8), 5);
  header.writeUInt32LE(prime.length, 9);
  return Buffer.concat([header, prime]).toString('base64');
}
