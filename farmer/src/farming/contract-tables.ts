import type { Load } from '../contract/admission.ts';
import { addSpace, type ChunkSpace, NO_SPACE } from '../contract/capacity.ts';
import type { ChunkTerms, ContractId } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';

/** The contract tables of all nodes. An id is in at most one of them. */
export class ContractTables {
  readonly #tables: readonly ContractTable[];

  constructor(tables: readonly ContractTable[]) {
    this.#tables = tables;
  }

  get size(): number {
    return this.#sum(({ size }) => size);
  }

  /** The number of contracts whose chunk is being generated or rebuilt. */
  get generating(): number {
    return this.#sum(({ phases }) => phases.generating);
  }

  /** The size of all chunks that are on disk or being generated. */
  get bytes(): number {
    return this.#sum(({ bytes }) => bytes);
  }

  /** The size of the largest chunk; undefined without contracts. */
  get largestChunkBytes(): number | undefined {
    const sizes = this.#tables.flatMap(({ chunkSizes }) => chunkSizes?.largest ?? []);
    return sizes.length === 0 ? undefined : Math.max(...sizes);
  }

  /** The space that the contracts of all nodes but one may need that are being requested. */
  requestedBesides(table: ContractTable): ChunkSpace {
    return this.#tables
      .filter((other) => other !== table)
      .reduce((sum, { requested }) => addSpace(sum, requested), NO_SPACE);
  }

  /** The chunks that are being generated. */
  get pending(): ChunkSpace {
    return this.#tables.reduce((sum, { generating }) => addSpace(sum, generating), NO_SPACE);
  }

  /** What a contract says of its chunk. */
  findChunk(id: ContractId): ChunkTerms | undefined {
    return this.find(id)?.findChunk(id);
  }

  get load(): Load {
    return { contracts: this.size, challengesPerMs: this.#sum(({ load }) => load.challengesPerMs) };
  }

  get shortestIntervalMs(): number | undefined {
    const intervals = this.#tables.flatMap(({ shortestIntervalMs }) => shortestIntervalMs ?? []);
    return intervals.length === 0 ? undefined : Math.min(...intervals);
  }

  has(id: ContractId): boolean {
    return this.find(id) !== undefined;
  }

  /** Whether a contract of any node needs its chunk; false while the contract is being removed. */
  needsChunk(id: ContractId): boolean {
    return this.#tables.some((table) => table.get(id) !== undefined);
  }

  /** The table that contains this contract. */
  find(id: ContractId): ContractTable | undefined {
    return this.#tables.find((table) => table.has(id));
  }

  /** All ids except those of contracts being removed, sorted. */
  ids(): ContractId[] {
    return this.#tables.flatMap((table) => table.ids()).sort();
  }

  /** These chunks are unreadable because their disk failed. */
  chunksLost(ids: Iterable<ContractId>): void {
    for (const id of ids) this.find(id)?.apply(id, { type: 'chunk_lost' });
  }

  /** These chunks are on a disk that works again. */
  chunksFound(ids: Iterable<ContractId>): void {
    for (const id of ids) this.find(id)?.apply(id, { type: 'chunk_found' });
  }

  #sum(count: (table: ContractTable) => number): number {
    return this.#tables.reduce((sum, table) => sum + count(table), 0);
  }
}
