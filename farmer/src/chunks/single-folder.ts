import { existsSync } from 'node:fs';
import type { ChunkFiles } from './chunk-files.ts';
import type { ChunkLocation, ChunkLocationPort } from './chunk-store.ts';

/** All chunks in one folder, without limits; for the client library. */
export class SingleFolder implements ChunkLocationPort<ChunkLocation> {
  readonly #location: ChunkLocation;

  constructor(files: ChunkFiles) {
    this.#location = { files };
  }

  find(id: string): ChunkLocation | undefined {
    return existsSync(this.#location.files.path(id)) ? this.#location : undefined;
  }

  reserve(): ChunkLocation {
    return this.#location;
  }
}
