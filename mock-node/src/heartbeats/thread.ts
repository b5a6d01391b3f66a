import { randomio } from '@downstream/file-encryptor';
import { SeededRandom } from '../ledger/seeded-random.ts';
import { createHeartbeat, type EncodedTexts, openHeartbeat } from './heartbeat.ts';
import type { Task, TaskResults } from './thread-tasks.ts';

/** Entry point of the threads. */
export default function runTask(task: Task): TaskResults[Task['kind']] {
  switch (task.kind) {
    case 'create':
      return createHeartbeat(task.scheme, task.checkFraction, new SeededRandom(task.nodeSeed).bytes('heartbeat'));
    case 'encode':
      return encode(task);
    case 'verify': {
      const heartbeat = openHeartbeat(task.heartbeat);
      return task.proofs.map((proof) => heartbeat.verify(proof));
    }
  }
}

function encode(task: Task & { kind: 'encode' }): EncodedTexts[] {
  const { sizeBytes, challenges, timestamp } = task;
  const heartbeat = openHeartbeat(task.heartbeat);
  const nodeRandom = new SeededRandom(task.nodeSeed);
  return task.chunkSeeds.map((seed) => {
    const chunk = Buffer.concat([...randomio(seed, sizeBytes)], sizeBytes);
    return heartbeat.encode(chunk, { random: nodeRandom.bytes('encode', seed), challenges, timestamp });
  });
}
