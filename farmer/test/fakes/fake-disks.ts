import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, FakeLogger } from '@downstream/platform/testing';
import { afterEach, beforeEach } from '@jest/globals';
import { writeMarker } from '../../src/chunks/data-dir.ts';
import { Disk } from '../../src/chunks/disk.ts';
import { Disks } from '../../src/chunks/disks.ts';
import { makeId } from './builders.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'disks-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

export const CHUNK = 1_000;
let farms = 0;

/** Disks in folders of their own, which go after the test, with room for so many chunks each. */
export async function createDisks(capacities: number[], { minFreeBytes = 0 } = {}) {
  const clock = new FakeClock();
  const log = new FakeLogger();
  farms += 1;
  const farmId = `farm ${farms}`;
  const disks = await Promise.all(
    capacities.map(async (chunks, n) => {
      const path = join(root, `${farms}-${n}`);
      mkdirSync(path);
      const diskId = await writeMarker(path, farmId);
      return new Disk({ path, capacityBytes: chunks * CHUNK, chunkBytes: CHUNK, farmId, diskId }, clock);
    }),
  );
  const held = new Set<string>();
  const lost: string[] = [];
  const found: string[] = [];
  const errors: string[] = [];
  const all = new Disks(
    { minFreeBytes },
    {
      disks,
      clock,
      log,
      isHeld: (id) => held.has(id),
      heldCount: () => held.size,
      onLost: (ids) => lost.push(...ids),
      onFound: (ids) => found.push(...ids),
      onError: (path, kind) => errors.push(`${path.slice(-1)} ${kind}`),
    },
  );
  await all.load();
  const put = (n: number) => {
    const id = makeId(n);
    const disk = all.reserve(id);
    writeFileSync(disk.files.path(id), 'x');
    all.stored(id, disk);
    held.add(id);
    return disks.indexOf(disk);
  };
  const probe = async (times: number) => {
    for (let n = 0; n < times; n++) for (const disk of disks) await all.probe(disk);
  };
  return { all, disks, held, lost, found, errors, clock, log, put, probe };
}
