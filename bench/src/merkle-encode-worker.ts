import { randomBytes } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { randomio } from '@downstream/file-encryptor';
import { createMerkleHeartbeat, fileFromBytes, merkle } from '@downstream/heartbeat';
import { CHUNK_MIB } from './limits.ts';

/** Encodes a chunk in memory for each message, and replies when it has finished. */
const chunk = Buffer.concat([...randomio('bench', CHUNK_MIB * 2 ** 20)]);
const heartbeat = createMerkleHeartbeat(randomBytes, 0.01);

parentPort?.on('message', () => {
  merkle.encode(heartbeat, fileFromBytes(chunk), { random: randomBytes, timestamp: 1 });
  parentPort?.postMessage('encoded');
});
