import { lstatSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { flushSync } from '@downstream/platform/flush';
import { DatabaseError } from '@downstream/platform/sqlite';
import { moveAside } from '../state/damaged-file.ts';
import { type StoredTag, TAG_FILE, TAG_REPLICA_FILE, TagFile } from './tag-file.ts';

/** What was found when the tag files were opened. */
export interface TagReport {
  /** The names of files that were missing or damaged, and were created from the other one. */
  readonly restoredFiles: readonly string[];
  /** Contracts whose tag no file has. They can't be proved. */
  readonly missing: readonly string[];
  /** How many tags were removed because their contract is unknown. */
  readonly removed: number;
  /** Whether the disk was full, so that the files were not changed. */
  readonly isDiskFull?: boolean;
}

/**
 * Checks both tag files, restores a missing or damaged one tag by tag from whatever can be read of both, and removes
 * tags of unknown contracts. Afterwards, both files have the same tags.
 *
 * Damaged files are moved aside. Reads each file completely, so it runs in a worker thread. On a full disk, it only
 * reports what is missing.
 *
 * @param known the contracts that need a tag
 * @throws DatabaseError if a file cannot be written for another reason, or belongs to another program
 */
export function recoverTags(folder: string, known: ReadonlySet<string>): TagReport {
  try {
    return recoverFiles(folder, known);
  } catch (error) {
    // Proofs need no space, and one of the files.
    if (error instanceof DatabaseError && error.code === 'full') return inspectOnFullDisk(folder, known);
    throw error;
  }
}

function inspectOnFullDisk(folder: string, known: ReadonlySet<string>): TagReport {
  const present = new Set<string>();
  for (const name of [TAG_FILE, TAG_REPLICA_FILE]) {
    try {
      using file = TagFile.openOnFullDisk(join(folder, name));
      for (const id of file.ids()) present.add(id);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
    }
  }
  return { restoredFiles: [], missing: [...known.difference(present)], removed: 0, isDiskFull: true };
}

/** @throws DatabaseError */
function recoverFiles(folder: string, known: ReadonlySet<string>): TagReport {
  const files = [TAG_FILE, TAG_REPLICA_FILE].map((name) => ({ name, condition: inspect(join(folder, name)) }));
  const faulty = files.filter(({ condition }) => condition !== 'intact');
  for (const { name, condition } of faulty)
    restoreFile(folder, { path: join(folder, name), isDamaged: condition === 'damaged' }, known);
  // Without any file there was nothing to restore from: both were created empty.
  const restoredFiles = files.every(({ condition }) => condition === 'absent') ? [] : faulty.map(({ name }) => name);
  using tags = TagFile.open(join(folder, TAG_FILE));
  using replica = TagFile.open(join(folder, TAG_REPLICA_FILE));
  const removed = removeUnknown(tags, known);
  removeUnknown(replica, known);
  copyMissing(tags, replica, known);
  copyMissing(replica, tags, known);
  const present = tags.ids();
  return { restoredFiles, removed, missing: [...known].filter((id) => !present.has(id)) };
}

/** @throws DatabaseError for every fault but damage */
function inspect(path: string): 'intact' | 'absent' | 'damaged' {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined || (entry.isFile() && entry.size === 0)) return 'absent';
  try {
    openChecked(path).close();
    return 'intact';
  } catch (error) {
    if (error instanceof DatabaseError && error.code === 'damaged') return 'damaged';
    throw error;
  }
}

/** @throws DatabaseError */
function openChecked(path: string): TagFile {
  const file = TagFile.open(path);
  try {
    file.checkIntegrity();
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Writes a new file under a temporary name until it is complete. */
function restoreFile(
  folder: string,
  { path, isDamaged }: { path: string; isDamaged: boolean },
  known: ReadonlySet<string>,
): void {
  const partial = `${path}.partial`;
  for (const suffix of ['', '-wal', '-shm']) rmSync(partial + suffix, { force: true });
  const sources = [TAG_FILE, TAG_REPLICA_FILE].flatMap((name) => openReadable(join(folder, name)));
  try {
    using file = TagFile.open(partial);
    file.write(() => {
      for (const id of known) {
        const tag = readFromAny(sources, id);
        if (tag !== undefined) file.insert(tag);
      }
    });
  } finally {
    for (const source of sources) source.close();
  }
  flushSync(partial);
  if (isDamaged) moveAside(path);
  renameSync(partial, path);
  flushSync(dirname(path));
}

/** The file, if it can be opened at all. */
function openReadable(path: string): TagFile[] {
  try {
    return [TagFile.openReadOnly(path)];
  } catch {
    return [];
  }
}

function readFromAny(sources: readonly TagFile[], id: string): StoredTag | undefined {
  for (const source of sources) {
    try {
      const tag = source.read(id);
      if (tag !== undefined) return tag;
    } catch (error) {
      // A tag can be damaged in one file and intact in the other.
      if (!(error instanceof DatabaseError)) throw error;
    }
  }
  return undefined;
}

function removeUnknown(file: TagFile, known: ReadonlySet<string>): number {
  const unknown = [...file.ids()].filter((id) => !known.has(id));
  if (unknown.length === 0) return 0;
  file.write(() => {
    for (const id of unknown) file.remove(id);
  });
  return unknown.length;
}

function copyMissing(target: TagFile, source: TagFile, known: ReadonlySet<string>): void {
  const present = target.ids();
  const available = source.ids();
  const missing = [...known].filter((id) => !present.has(id) && available.has(id));
  if (missing.length === 0) return;
  target.write(() => {
    for (const id of missing) {
      const tag = readFromAny([source], id);
      if (tag !== undefined) target.insert(tag);
    }
  });
}
