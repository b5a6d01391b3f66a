import { getErrorCode } from '@downstream/platform/errors';
import { proveTagged } from '../tags/tag-prover.ts';
import { performTagTask } from '../tags/tag-tasks.ts';
import { hashFile, isSeededChunk, proveFiles, writeChunk, writeRandomio, writeSeededChunk } from './chunk-io.ts';
import type { Task, TaskOutcome } from './worker-pool.ts';

/**
 * Entry point of the worker threads. Failures are returned as values, because an error loses its code on the way
 * between threads.
 */
export default function runTask(task: Task): TaskOutcome<unknown> {
  const start = performance.now();
  try {
    return { ok: true, value: perform(task), seconds: (performance.now() - start) / 1000 };
  } catch (error) {
    return { ok: false, code: getErrorCode(error) };
  }
}

function perform(task: Task): unknown {
  switch (task.kind) {
    case 'chunk':
      return writeChunk(task.path, task.genesisPath, task.genesisSha256, task.secret);
    case 'randomio':
      return writeRandomio(task.path, task.seed, task.size);
    case 'seeded_chunk':
      return writeSeededChunk(task.path, task.seed, task.size);
    case 'compare_seed':
      return isSeededChunk(task.path, task.seed, task.size);
    case 'prove_tagged':
      return proveTagged(task.folder, task.requests);
    case 'tags':
      return performTagTask(task.folder, task.job);
    case 'prove':
      return proveFiles(task.requests);
    case 'hash':
      return hashFile(task.path);
  }
}
