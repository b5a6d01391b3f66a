import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes, waitAtMost } from '@downstream/platform';
import { CHUNK_FOLDER, checkChunkFolder } from '../chunks/chunk-folder-owner.ts';
import { DISK_RESPONSE_TIMEOUT_MS, findExistingFolder, testDataDir } from '../chunks/data-dir.ts';
import { DataDirError, readMarker, toDataDirError } from '../chunks/disk-marker.ts';
import { createSpaceReader, RESERVED_FILES } from '../chunks/disk-space.ts';
import type { FarmerConfig } from '../config.ts';
import { type Finding, findingsOf, toFindings } from './finding.ts';

type DiskSettings = Pick<FarmerConfig, 'disks' | 'dataDir' | 'init' | 'minFreeBytes'>;

const CHUNK_NAME = /^[0-9a-f]{64}$/;

/**
 * Checks each data directory and its space. Writes and deletes a small file in each, and nothing else.
 *
 * @param farmId the farm of the state; undefined if it is not known
 */
export async function checkDisks(config: DiskSettings, farmId: string | undefined): Promise<Finding[]> {
  const findings = await Promise.all(
    config.disks.map(async (disk) => {
      const folder = await toFindings('folder', async () => [await checkFolder(disk.path, config, farmId)]);
      const space = await toFindings('space', async () => await checkSpace(disk, config));
      return [...folder, ...space];
    }),
  );
  return findings.flat();
}

async function checkFolder(
  path: string,
  { init, dataDir }: DiskSettings,
  farmId: string | undefined,
): Promise<Finding> {
  const { ok, warning } = findingsOf('folder');
  const check = async (): Promise<Finding> => {
    if (await testDataDir(path, { init, isStateDir: path === dataDir }))
      return ok(`${path} is new: the farmer initializes it`);
    const marker = await readMarker(path);
    if (marker === undefined) return ok(`${path} has no marker file: the farmer creates it`);
    if (farmId !== undefined && marker.farm !== farmId) {
      throw new DataDirError(
        'foreign',
        `the data directory ${path} belongs to another farmer: check FARMER_DATA_DIR and the mounts`,
      );
    }
    await checkChunkFolder(join(path, CHUNK_FOLDER), marker);
    const { uid } = await stat(path);
    return uid === process.getuid?.()
      ? ok(`${path} can be read and written`)
      : warning(
          `${path} belongs to user ${uid}, but this check runs as user ${process.getuid?.()}: run it as the farmer's user`,
        );
  };
  try {
    return await waitAtMost(DISK_RESPONSE_TIMEOUT_MS, check());
  } catch (error) {
    throw toDataDirError(error, path);
  }
}

async function checkSpace(
  { path, sizeBytes }: DiskSettings['disks'][number],
  { minFreeBytes }: DiskSettings,
): Promise<Finding[]> {
  const { ok, warning } = findingsOf('space');
  const folder = await findExistingFolder(path);
  const space = await createSpaceReader(folder)().catch((error: unknown) => {
    throw toDataDirError(error, path);
  });
  const chunks = await measureChunks(join(path, CHUNK_FOLDER));
  const remaining = Math.max(0, sizeBytes - chunks.bytes);
  const usable = Math.max(0, space.freeBytes - minFreeBytes);
  const warnings = [
    sizeBytes > space.sizeBytes &&
      `the capacity of ${formatBytes(sizeBytes)} is larger than the file system of ${formatBytes(space.sizeBytes)}`,
    remaining > usable &&
      `${formatBytes(remaining)} of the capacity are unused, but only ${formatBytes(space.freeBytes)} are free, of which FARMER_MIN_FREE keeps ${formatBytes(minFreeBytes)}: free space, or reduce the capacity`,
    (space.freeFiles ?? Number.POSITIVE_INFINITY) <= RESERVED_FILES &&
      'the file system has no free inodes: delete some files',
  ].filter((text) => text !== false);
  if (warnings.length > 0) return warnings.map((text) => warning(`${path}: ${text}`));
  return [
    ok(
      `${path}: ${chunks.count} chunks; ${formatBytes(remaining)} of the capacity unused, ${formatBytes(space.freeBytes)} free`,
    ),
  ];
}

/** The number and size of the chunks in a folder; none if it cannot be read. */
async function measureChunks(folder: string): Promise<{ readonly count: number; readonly bytes: number }> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => CHUNK_NAME.test(name));
  let bytes = 0;
  for (const name of names) bytes += (await stat(join(folder, name)).catch(() => undefined))?.size ?? 0;
  return { count: names.length, bytes };
}
