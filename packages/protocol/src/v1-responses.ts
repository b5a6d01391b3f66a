import { z } from 'zod';
import { token } from './prototype.ts';
import { NO_MORE_CHALLENGES } from './v1-messages.ts';

/*
 * Responses of the v1 API: seeded chunks, and proofs of a heartbeat scheme. As in the prototype API, each schema bounds
 * sizes and ranges, and lists have a schema per entry. `heartbeat`, `challenge` and `tag` are JSON of the scheme, which
 * `@downstream/heartbeat` parses.
 */

const SECOND_MS = 1000;
const MAX_DUE_SECONDS = 366 * 24 * 3600;
const MAX_CHUNK_BYTES = 2 ** 40;

/** Names of proof schemes. */
export const V1_SCHEMES = ['Merkle', 'Swizzle'] as const;
export type V1Scheme = (typeof V1_SCHEMES)[number];

/** Nodes of 2015 send integers, older ones hex strings. A farmer sends back what it received. */
export const contractId = z.union([
  z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  z.string().regex(/^[A-Za-z0-9_-]{1,128}$/),
]);

/** JSON of a scheme: an object for Merkle, text for Swizzle. */
const schemeJson = z.custom<object | string>((value) =>
  typeof value === 'object' ? value !== null && !Array.isArray(value) : typeof value === 'string' && value !== '',
);

/** The time left before the deadline: seconds in the response, milliseconds after parsing. */
const due = z
  .number()
  .min(0)
  .max(MAX_DUE_SECONDS)
  .transform((seconds) => Math.floor(seconds * SECOND_MS));

/** The response of `/new` and `/heartbeat`. */
export const heartbeatResponse = z.object({ token, type: z.enum(V1_SCHEMES), heartbeat: schemeJson });

/** An entry of `chunks`. */
export const chunkOffer = z.object({
  file_hash: contractId,
  /** The chunk is the RandomIO keystream of this seed. */
  seed: z.string().min(1).max(1024),
  size: z.number().int().min(1).max(MAX_CHUNK_BYTES),
  challenge: schemeJson,
  tag: schemeJson,
  due,
});

const contractError = z.object({ file_hash: contractId, error: z.string().max(4096) });

/** An entry of `challenges`. With `answered`, the next challenge can be requested when this one is due. */
export const challengeEntry = z.union([
  z.object({ file_hash: contractId, challenge: schemeJson, due, answered: z.boolean() }),
  z.object({ file_hash: contractId, status: z.literal(NO_MORE_CHALLENGES) }),
  contractError,
]);

/** An entry of `report`. */
export const reportEntry = z.union([z.object({ file_hash: contractId, status: z.literal('ok') }), contractError]);
