import { existsSync } from 'node:fs';
import type { ChunkFiles } from './chunk-files.ts';
import type { ChunkLocationPort, Place } from './chunk-store.ts';

/** Chunks in one folder, of which nothing is reckoned: the library's. */
export class SingleFolder implements ChunkLocationPort<Place> {
  readonly #place: Place;

  constructor(files: ChunkFiles) {
    this.#place = { files };
  }

  of(id: string): Place | undefined {
    return existsSync(this.#place.files.path(id)) ? this.#place : undefined;
  }

  reserve(): Place {
    return this.#place;
  }

  stored(): void {}
  cancelled(): void {}
  removed(): void {}
  worked(): void {}
  failed(): void {}
}
