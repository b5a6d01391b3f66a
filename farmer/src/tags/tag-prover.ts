import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { isRandomio } from '@downstream/file-encryptor';
import { HeartbeatError, type ProofResult, proveDividedRequest, type RandomAccessFile } from '@downstream/heartbeat';
import { CodedError, getErrorCode } from '@downstream/platform/errors';
import { DatabaseError } from '@downstream/platform/sqlite';
import { TAG_FILE, TAG_REPLICA_FILE, TagFile } from './tag-file.ts';

export interface TaggedProofRequest {
  readonly contractId: string;
  /** The chunk's file. */
  readonly path: string;
  readonly seed: string;
  readonly sizeBytes: number;
  /** JSON. */
  readonly challenge: string;
}

export type TaggedProofOutcome =
  | {
      /** JSON of the proof. */
      readonly response: string;
      /** Whether the challenge covers no byte of the chunk, so that the proof shows nothing. */
      readonly isEmpty: boolean;
    }
  | {
      /** `invalid_challenge`: it does not belong to the tag. `no_tag`: both files lack an intact tag. */
      readonly error: 'corrupt' | 'unreadable' | 'invalid_challenge' | 'no_tag';
      /** The code of the file system's error. */
      readonly cause?: string | undefined;
    };

/** The chunk differs from its seed. */
class CorruptChunkError extends CodedError<'corrupt'> {}

/**
 * Proves chunks with stored tags, as a blocking function for a worker thread. A proof reads the covered bytes of the
 * chunk and the parts of the tag that it needs, and is compared with the tag. A tag that is damaged or missing in one
 * file is read from the other.
 *
 * @param folder of the tag files
 */
export function proveTagged(folder: string, requests: readonly TaggedProofRequest[]): TaggedProofOutcome[] {
  const readers = getReaders(folder);
  return readers.inReadTransaction(() => requests.map((request) => proveChunk(request, readers)));
}

function proveChunk(request: TaggedProofRequest, readers: TagReaders): TaggedProofOutcome {
  let descriptor: number | undefined;
  try {
    // Opening a pipe must not block the thread.
    descriptor = openSync(request.path, constants.O_RDONLY | constants.O_NONBLOCK);
    return proveFile(request, descriptor, readers);
  } catch (error) {
    if (error instanceof CorruptChunkError) return { error: 'corrupt' };
    return { error: 'unreadable', cause: getErrorCode(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** @throws CorruptChunkError, errors of the file system */
function proveFile(request: TaggedProofRequest, descriptor: number, readers: TagReaders): TaggedProofOutcome {
  let error: 'invalid_challenge' | 'no_tag' = 'no_tag';
  for (const name of [TAG_FILE, TAG_REPLICA_FILE]) {
    try {
      const tags = readers.get(name);
      const result = proveWith(request, descriptor, tags);
      if (result?.check === 'corrupt_file') {
        // If the covered bytes are those of the seed, the challenge or the tag belongs to another chunk.
        proveWith(request, descriptor, tags, { isCompared: true });
        error = 'invalid_challenge';
      } else if (result !== undefined && result.check !== 'corrupt_tag')
        return { response: JSON.stringify(result.proof), isEmpty: result.isEmptyChallenge };
    } catch (failure) {
      if (failure instanceof HeartbeatError && failure.code === 'invalid_data') error = 'invalid_challenge';
      else if (failure instanceof HeartbeatError) throw new CorruptChunkError('corrupt', 'the chunk is too short');
      else if (!(failure instanceof DatabaseError)) throw failure;
    }
  }
  return { error };
}

/** @throws HeartbeatError, DatabaseError, CorruptChunkError, errors of the file system */
function proveWith(
  { contractId, seed, sizeBytes, challenge }: TaggedProofRequest,
  descriptor: number,
  tags: TagFile,
  { isCompared = false } = {},
): ProofResult | undefined {
  const tag = tags.find(contractId);
  if (tag === undefined) return undefined;
  const { scheme: type, heartbeat, head } = tag;
  // A Merkle proof is compared with the tag; a Swizzle proof cannot be, so the bytes are compared with the seed.
  const isSeeded = isCompared || type === 'Swizzle';
  const file = isSeeded ? openSeeded(descriptor, { seed, sizeBytes }) : openChunk(descriptor);
  const request = { type, heartbeat: parse(heartbeat), head: parse(head), challenge: parse(challenge) };
  return proveDividedRequest(request, file, (part) => tags.readPart(tag, part));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HeartbeatError('invalid_data', 'the challenge or the tag is not JSON');
  }
}

function openChunk(descriptor: number): RandomAccessFile {
  return {
    // Most proofs do not need it.
    get size() {
      return fstatSync(descriptor).size;
    },
    read: (buffer, position) => readSync(descriptor, buffer, 0, buffer.length, position),
  };
}

function openSeeded(
  descriptor: number,
  { seed, sizeBytes }: Pick<TaggedProofRequest, 'seed' | 'sizeBytes'>,
): RandomAccessFile {
  const { size, read } = openChunk(descriptor);
  if (size !== sizeBytes) throw new CorruptChunkError('corrupt', 'the chunk has another size');
  return {
    size,
    read(buffer, position) {
      const count = read(buffer, position);
      if (!isRandomio(seed, buffer.subarray(0, count), position))
        throw new CorruptChunkError('corrupt', 'the chunk differs from its seed');
      return count;
    },
  };
}

/** The connections of this thread to the tag files, opened when they are first needed. */
class TagReaders {
  readonly folder: string;
  readonly #files = new Map<string, TagFile>();
  /** Connections on a full disk. They end with the task, because another thread may write once there is space. */
  readonly #temporary = new Map<string, TagFile>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** @throws DatabaseError */
  get(name: string): TagFile {
    const file = this.#files.get(name) ?? this.#temporary.get(name);
    return file ?? this.#open(name, join(this.folder, name));
  }

  /** A transaction saves a few system calls for each read. */
  inReadTransaction<T>(work: () => T): T {
    try {
      const file = this.#findTransactionFile();
      return file === undefined ? work() : file.inReadTransaction(work);
    } finally {
      for (const file of this.#temporary.values()) file.close();
      this.#temporary.clear();
    }
  }

  close(): void {
    for (const file of this.#files.values()) file.close();
  }

  #open(name: string, path: string): TagFile {
    try {
      const file = TagFile.openReadOnly(path);
      this.#files.set(name, file);
      return file;
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code === 'full')) throw error;
      const file = TagFile.openOnFullDisk(path);
      this.#temporary.set(name, file);
      return file;
    }
  }

  #findTransactionFile(): TagFile | undefined {
    try {
      return this.get(TAG_FILE);
    } catch {
      return undefined;
    }
  }
}

let readers: TagReaders | undefined;

function getReaders(folder: string): TagReaders {
  if (readers?.folder === folder) return readers;
  readers?.close();
  readers = new TagReaders(folder);
  return readers;
}
