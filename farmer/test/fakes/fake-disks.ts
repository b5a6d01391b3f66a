import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach } from '@jest/globals';
import type { SizedChunk } from '../../src/chunks/chunk-store.ts';
import { Disk } from '../../src/chunks/disk.ts';
import { MARKER_FILE, writeMarker } from '../../src/chunks/disk-marker.ts';
import type { FileSystemSpace } from '../../src/chunks/disk-space.ts';
import { Disks } from '../../src/chunks/disks.ts';
import type { ChunkTerms, ContractId } from '../../src/contract/contract.ts';
import { makeId, terms } from './builders.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'disks-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

export const CHUNK_BYTES = 1_000;
/** The content of a chunk. */
export const createContent = (bytes = CHUNK_BYTES): string => 'x'.repeat(bytes);
/** What the disks must know of a chunk. */
export const aChunk = (id: ContractId, sizeBytes = CHUNK_BYTES): SizedChunk => ({ id, sizeBytes });
let farms = 0;

/** The contracts whose chunks the disks hold. */
class FakeContracts {
  readonly #chunks = new Map<ContractId, ChunkTerms>();

  get bytes(): number {
    return this.ids.reduce((sum, id) => sum + (this.findChunk(id)?.sizeBytes ?? 0), 0);
  }
  get ids(): ContractId[] {
    return [...this.#chunks.keys()];
  }
  findChunk(id: ContractId): ChunkTerms | undefined {
    return this.#chunks.get(id);
  }
  add(id: ContractId, changes: Partial<ChunkTerms> = {}): void {
    this.#chunks.set(id, { ...terms({ id }), sizeBytes: CHUNK_BYTES, ...changes });
  }
  delete(id: ContractId): void {
    this.#chunks.delete(id);
  }
}

/** Disks in temporary folders, each with capacity for the given number of chunks. */
export async function createDisks(capacities: number[], { minFreeBytes = 0 } = {}) {
  const clock = new FakeClock();
  const log = new FakeLogger();
  farms += 1;
  const farmId = `farm ${farms}`;
  const spaces: FileSystemSpace[] = capacities.map(() => ({ sizeBytes: 1e9, freeBytes: 1e9 }));
  const list = await Promise.all(
    capacities.map(async (chunks, n) => {
      const path = join(root, `${farms}-${n}`);
      mkdirSync(path);
      const diskId = `disk ${n}`;
      await writeMarker(path, { farm: farmId, disk: diskId });
      const options = { path, capacityBytes: chunks * CHUNK_BYTES, chunkBytes: CHUNK_BYTES, farmId, diskId };
      const readSpace = async () => ({ sizeBytes: 0, freeBytes: 0, ...spaces[n] });
      return new Disk(options, { readSpace, clock });
    }),
  );
  const held = new FakeContracts();
  const lost: string[] = [];
  const found: string[] = [];
  const errors: string[] = [];
  const disks = new Disks(
    { minFreeBytes },
    {
      disks: list,
      clock,
      log,
      held,
      onError: (path, kind) => errors.push(`${path.slice(-1)} ${kind}`),
    },
  );
  await disks.load();
  disks.subscribe({ chunksLost: (ids) => lost.push(...ids), chunksFound: (ids) => found.push(...ids) });
  const disk = (n: number): Disk => {
    const found = list[n];
    if (found === undefined) throw new RangeError(`no disk ${n}`);
    return found;
  };
  return {
    disks,
    list,
    disk,
    /** The other one of two disks. */
    otherThan: (one: Disk) => disk(1 - list.indexOf(one)),
    held,
    lost,
    found,
    /** Each error that was counted, as disk and kind. */
    errors,
    clock,
    log,
    /** Makes a disk report this much free space from its next check on. */
    setFree: (n: number, free: Partial<FileSystemSpace>) => {
      spaces[n] = { sizeBytes: 1e9, freeBytes: 1e9, ...free };
    },
    /** The names of all files in the chunk folder of a disk, except its marker. */
    listFiles: (n: number): string[] => readdirSync(disk(n).files.folder).filter((name) => name !== MARKER_FILE),
    /** Accepts the contract `n` and stores its chunk. */
    put: (n: number, sizeBytes = CHUNK_BYTES): Disk => {
      const chunk = aChunk(makeId(n), sizeBytes);
      const chosen = disks.reserve(chunk);
      writeFileSync(chosen.files.path(chunk.id), createContent(sizeBytes));
      disks.stored(chunk, chosen);
      held.add(chunk.id, { sizeBytes });
      return chosen;
    },
    /** How many more chunks fit, accepted one after the other. */
    countFree: (sizeBytes = CHUNK_BYTES): number => {
      const chosen: Disk[] = [];
      const chunk = aChunk(makeId(0), sizeBytes);
      while (disks.availableBytes({ bytes: 0, chunks: 1 }) >= sizeBytes) chosen.push(disks.reserve(chunk));
      for (const each of chosen) disks.cancelled(chunk, each);
      return chosen.length;
    },
    /** Probes every disk. */
    probe: async (times: number) => {
      for (let n = 0; n < times; n++) for (const each of list) await disks.probe(each);
    },
  };
}
