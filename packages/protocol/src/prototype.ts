import { z } from 'zod';

/*
 * Responses of the prototype API: contracts over a genesis file that each farmer encrypts with a per-contract secret.
 * Every schema also bounds sizes and ranges, because its values reach paths, timers and memory. Lists have a schema
 * per entry: one invalid entry must not hide the others, and a list may be too long to be validated at once.
 */

const SECOND_MS = 1000;
const MAX_INTERVAL_SECONDS = 366 * 24 * 3600;

/** Lowercase hex SHA-256. Only such a hash may become the name of a chunk's file. */
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * A farmer's token. Nodes use 32 hex characters; other implementations use shorter tokens of mixed characters. Anything
 * shorter than eight could be guessed, and could not be redacted in logs.
 */
export const token = z.string().regex(/^[A-Za-z0-9_-]{8,128}$/);

const challengeText = z.string().min(1).max(1024);

/** The API reports errors as `{"status": …}`, with HTTP 200 as well as 4xx. */
export const statusResponse = z.object({ status: z.string().max(64), message: z.string().max(4096).optional() });

export const tokenResponse = z.object({ token });

const contractTerms = {
  file_hash: sha256Hex,
  challenge: challengeText,
  /** Seconds in the response, milliseconds after parsing. */
  interval: z
    .number()
    .min(1)
    .max(MAX_INTERVAL_SECONDS)
    .transform((seconds) => seconds * SECOND_MS),
};

/** A contract contains either the secret to generate the chunk from, or the URL to download it from. */
export const contractResponse = z.union([
  z.object({ ...contractTerms, secret: z.string().min(1).max(1024), url: z.undefined().optional() }),
  z.object({ ...contractTerms, url: z.url({ protocol: /^https?$/ }).max(2048), secret: z.undefined().optional() }),
]);

/** An entry of `all_contracts` in a listing. */
export const listedContract = z.object({ hash: sha256Hex });

/** An entry of `due_contracts` in a listing. An invalid challenge is undefined, because the hash still counts. */
export const dueContract = z.object({ hash: sha256Hex, challenge: challengeText.optional().catch(undefined) });

export const verdictResponse = z.object({ status: z.enum(['pass', 'fail']) });

export const removeResponse = z.object({ status: z.literal('ok') });

/** An entry of `challenges` for a file. */
export const fileChallenge = z.object({ block: z.number().int().nonnegative(), seed: z.string().min(1).max(1024) });

export const matchResponse = z.object({ match: z.boolean() });
