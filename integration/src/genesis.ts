import { createHash } from 'node:crypto';

/** A genesis file to copy into a container. */
export interface Genesis {
  readonly content: Buffer;
  readonly sha256: string;
}

/** Creates a genesis file by repeating a text; smaller than the standard 32 MiB, so that tests are fast. */
export function createGenesis(text: string, sizeBytes = 64 * 1024): Genesis {
  const content = Buffer.alloc(sizeBytes, text);
  return { content, sha256: createHash('sha256').update(content).digest('hex') };
}

/** Returns the settings with which a farmer uses the file. */
export function toGenesisSettings({ sha256 }: Genesis): Record<string, string> {
  return { FARMER_GENESIS: GENESIS_PATH, FARMER_GENESIS_SHA256: sha256 };
}

export const GENESIS_PATH = '/genesis';
