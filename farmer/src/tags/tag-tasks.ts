import { join } from 'node:path';
import { divideReceivedTag, HeartbeatError } from '@downstream/heartbeat';
import { flushSync } from '@downstream/platform/flush';
import { DatabaseError } from '@downstream/platform/sqlite';
import type { SavedTag } from '../farming/ports.ts';
import { addTagsToBackup } from './tag-backup.ts';
import { type StoredTag, TAG_FILE, TAG_REPLICA_FILE, TagFile } from './tag-file.ts';
import { recoverTags, type TagReport } from './tag-recovery.ts';

/** Work on the tag files, as blocking functions for a worker thread. No two jobs may run at the same time. */
export type TagJob =
  | { readonly kind: 'recover'; readonly known: ReadonlySet<string> }
  | { readonly kind: 'save'; readonly tags: readonly TagToSave[] }
  | { readonly kind: 'remove'; readonly contractIds: readonly string[] }
  | { readonly kind: 'backup'; readonly path: string };

/** Errors are values, because they lose their code and message on the way between threads. */
export type TagJobOutcome =
  | { readonly kind: 'recovered'; readonly report: TagReport }
  | { readonly kind: 'saved'; readonly results: readonly SavedTag[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly code: DatabaseError['code']; readonly message: string };

export function performTagTask(folder: string, job: TagJob): TagJobOutcome {
  try {
    switch (job.kind) {
      case 'recover':
        return { kind: 'recovered', report: recoverTags(folder, job.known) };
      case 'save':
        return { kind: 'saved', results: saveTags(folder, job.tags) };
      case 'remove':
        removeTags(folder, job.contractIds);
        return { kind: 'done' };
      case 'backup':
        addTagsToBackup(folder, job.path);
        return { kind: 'done' };
    }
  } catch (error) {
    if (error instanceof DatabaseError) return { kind: 'failed', code: error.code, message: error.message };
    throw error;
  }
}

/** A received tag, as JSON texts. */
export interface TagToSave {
  readonly contractId: string;
  /** The size of the chunk. */
  readonly sizeBytes: number;
  readonly scheme: string;
  readonly heartbeat: string;
  readonly tag: string;
}

/**
 * Validates tags and writes them to both files, in one transaction each. Once this returns, they survive a power
 * failure.
 *
 * @returns the results in the same order
 * @throws DatabaseError
 */
function saveTags(folder: string, received: readonly TagToSave[]): SavedTag[] {
  const divided = received.map(divide);
  const tags = divided.flatMap(({ stored }) => stored ?? []);
  if (tags.length > 0) {
    writeBoth(folder, (file) => {
      for (const tag of tags) file.insert(tag);
    });
  }
  return divided.map(({ result }) => result);
}

/** @throws DatabaseError */
function removeTags(folder: string, contractIds: readonly string[]): void {
  writeBoth(folder, (file) => {
    for (const id of contractIds) file.remove(id);
  });
}

function divide(received: TagToSave): { readonly result: SavedTag; readonly stored?: StoredTag } {
  const { contractId, scheme, heartbeat, sizeBytes } = received;
  try {
    const { head, parts, challengeCount } = divideReceivedTag(
      { type: scheme, heartbeat: JSON.parse(heartbeat), tag: JSON.parse(received.tag) },
      sizeBytes,
    );
    const stored = { contractId, scheme, heartbeat, head: JSON.stringify(head), parts };
    return { result: { challengeCount }, stored };
  } catch (error) {
    if (error instanceof HeartbeatError) return { result: 'invalid' };
    throw error;
  }
}

function writeBoth(folder: string, change: (file: TagFile) => void): void {
  for (const name of [TAG_FILE, TAG_REPLICA_FILE]) {
    using file = TagFile.open(join(folder, name));
    file.write(() => change(file));
  }
  // The files may be new.
  flushSync(folder);
}
