import { createHash } from 'node:crypto';

/** A genesis file to copy into a container. */
export interface Genesis {
  readonly content: Buffer;
  readonly sha256: string;
}

/** A genesis file of any size, for tests to which 32 MiB are not the point. Another text makes another file. */
export function createGenesis(text: string, sizeBytes = 64 * 1024): Genesis {
  const content = Buffer.alloc(sizeBytes, text);
  return { content, sha256: createHash('sha256').update(content).digest('hex') };
}

/** A farmer's settings that name the file. */
export function genesisSettings({ sha256 }: Genesis): Record<string, string> {
  return { FARMER_GENESIS: GENESIS_PATH, FARMER_GENESIS_SHA256: sha256 };
}

export const GENESIS_PATH = '/genesis';
