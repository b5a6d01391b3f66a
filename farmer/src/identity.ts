import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { getFileProblem, readTextFileSync, SettingsError } from '@downstream/platform';
import { isSignedBy, MAX_MESSAGE_CHARS, SIGNATURE_CHARS } from '@downstream/protocol';
import { z } from 'zod';

/** A message that was signed with the key of the payout address. The signature is a secret. */
export interface Identity {
  readonly message: string;
  readonly signature: string;
}

/** The content of an identity file: addresses with what was signed for them, not yet validated. */
export interface IdentityFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, unknown>;
}

const MAX_BYTES = 1024 * 1024;
const DEFAULT_PATH = 'data/identities.json';
const FORMAT = '{"<address>": {"message": "<text>", "signature": "<base64>"}}';

const entrySchema = z.record(z.string(), z.unknown());
const messageSchema = z.string().min(1).max(MAX_MESSAGE_CHARS);
const signatureSchema = z
  .string()
  .length(SIGNATURE_CHARS)
  .regex(/^[A-Za-z0-9+/]+=$/);

/**
 * Reads an identity file of the original farmer: a JSON object from addresses to messages and signatures.
 *
 * @param given undefined: the file in the place where the original farmer expects it, if it exists
 * @throws SettingsError without a part of the content, which is secret
 */
export function readIdentityFile(given: string | undefined): IdentityFile | undefined {
  const path = given ?? resolve(DEFAULT_PATH);
  if (given === undefined && !existsSync(path)) return undefined;
  const { success, data } = entrySchema.safeParse(parseJson(path, readText(path)));
  if (!success) throw fail(path, `expected a JSON object such as ${FORMAT}`);
  return { path, entries: new Map(Object.entries(data)) };
}

/**
 * Finds what was signed for an address, and verifies the signature.
 *
 * @returns undefined if there is no file, or if it has no entry for the address and the operator did not choose it
 * @throws SettingsError without a part of the content, which is secret
 */
export function findIdentity(
  file: IdentityFile | undefined,
  { address, isRequired }: { readonly address: string; readonly isRequired: boolean },
): Identity | undefined {
  if (file === undefined) return undefined;
  const { path, entries } = file;
  const found = entries.get(address);
  if (found === undefined && !isRequired) return undefined;
  if (found === undefined) throw fail(path, `it has no entry for ${address}: add one, or correct FARMER_ADDRESS`);
  const { data: entry } = entrySchema.safeParse(found);
  if (entry === undefined) throw fail(path, `the entry of ${address} is not an object: expected ${FORMAT}`);
  const { data: message } = messageSchema.safeParse(entry['message']);
  if (message === undefined) {
    const got = describe(entry['message']);
    throw fail(path, `"message" of ${address} must be a text of 1 to ${MAX_MESSAGE_CHARS} characters (got ${got})`);
  }
  const { data: signature } = signatureSchema.safeParse(entry['signature']);
  if (signature === undefined) {
    const got = describe(entry['signature']);
    throw fail(
      path,
      `"signature" of ${address} must be ${SIGNATURE_CHARS} characters of base64 (got ${got}): copy it from the wallet again`,
    );
  }
  if (isSignedBy(address, message, signature)) return { message, signature };
  throw fail(
    path,
    `the signature was not made by ${address} for this message: copy both again, with each space of the message`,
  );
}

function readText(path: string): string {
  try {
    return readTextFileSync(path, MAX_BYTES);
  } catch (error) {
    throw fail(path, `it cannot be read (${getFileProblem(error)}): check the path, its owner and permissions`);
  }
}

function parseJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The message quotes the file.
    const [, line] = /\(line (\d+) column \d+\)$/.exec(String(error)) ?? [];
    const place = line === undefined ? '' : ` in line ${line}`;
    const remedy = /,\s*\}/.test(text) ? 'remove the comma before a closing brace' : `expected ${FORMAT}`;
    throw fail(path, `invalid JSON${place}: ${remedy}`);
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'none';
  return typeof value === 'string' ? `${value.length} characters` : `another type`;
}

function fail(path: string, problem: string): SettingsError {
  return new SettingsError([`FARMER_IDENTITY_FILE: ${path}: ${problem}`]);
}
