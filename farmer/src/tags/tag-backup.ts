import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DatabaseError, inTransaction, toDatabaseError } from '@downstream/platform/sqlite';
import { moveAside } from '../state/damaged-file.ts';
import { TAG_FILE, TAG_REPLICA_FILE, TAG_TABLES, TagFile } from './tag-file.ts';

/**
 * Copies all tags into a backup of the state, so that a backup is one file. Blocks, so a running farmer calls it in a
 * worker thread.
 *
 * @param backupPath a copy of the state that is not in use
 * @throws DatabaseError
 */
export function addTagsToBackup(folder: string, backupPath: string): void {
  const sources = [TAG_FILE, TAG_REPLICA_FILE].map((name) => join(folder, name)).filter((path) => existsSync(path));
  let failure: unknown;
  for (const source of sources) {
    try {
      copyTables(source, backupPath);
      return;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw toDatabaseError(failure);
}

function copyTables(source: string, backupPath: string): void {
  using backup = new DatabaseSync(backupPath);
  backup.prepare('ATTACH ? AS tags').run(source);
  inTransaction(backup, () => {
    backup.exec(`${TAG_TABLES}
      INSERT INTO main.tag SELECT * FROM tags.tag;
      INSERT INTO main.tag_part SELECT * FROM tags.tag_part;`);
  });
}

/**
 * Moves the tags of a backup to the tag file. Keeps tags that the file already has: a contract's tag never changes. A
 * damaged file is moved aside. The next start completes both files from each other.
 *
 * @param backupPath a copy of the backup, from which the tags are removed
 * @throws DatabaseError
 */
export function restoreTags(folder: string, backupPath: string): void {
  using backup = new DatabaseSync(backupPath);
  if (backup.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'tag_part'").get() === undefined) return;
  const source = TagFile.ofBackup(backup);
  const path = join(folder, TAG_FILE);
  try {
    insertMissing(path, source);
  } catch (error) {
    if (!(error instanceof DatabaseError && error.code === 'damaged')) throw error;
    moveAside(path);
    insertMissing(path, source);
  }
  backup.exec('DROP TABLE tag; DROP TABLE tag_part; VACUUM;');
}

function insertMissing(path: string, source: TagFile): void {
  using target = TagFile.open(path);
  const present = target.ids();
  target.write(() => {
    for (const id of source.ids()) {
      const tag = present.has(id) ? undefined : source.read(id);
      if (tag !== undefined) target.insert(tag);
    }
  });
}
