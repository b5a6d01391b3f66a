import { existsSync } from 'node:fs';
import type { ChunkFiles } from './chunk-files.ts';
import type { ChunkLocation, ChunkLocationPort } from './chunk-store.ts';

/** All chunks in one folder, without limits; for the client library. */
export function createSingleFolder(files: ChunkFiles): ChunkLocationPort<ChunkLocation> {
  const location = { files };
  return { find: (id) => (existsSync(files.path(id)) ? location : undefined), reserve: () => location };
}
