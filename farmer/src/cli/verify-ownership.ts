import { randomInt } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { computeOneHashExtents, computeOneHashResponse } from '@downstream/heartbeat';
import { CodedError, getErrorCode } from '@downstream/platform';
import { type NetworkSettings, openNetwork } from '../node/network.ts';
import { NodeHttp } from '../node/node-http.ts';
import { OwnershipNode } from '../node/ownership-node.ts';

class FileError extends CodedError<'unreadable' | 'not_a_file'> {}

/**
 * `downstream --verify-ownership FILE NODE_URL`: proves that this machine has the same file as the node. It answers one
 * of the node's challenges, chosen at random.
 *
 * @returns the exit code: 0 after printing `FILE MATCHED!`, 1 after `Failed to match.`
 * @throws FileError, NodeError, SettingsError
 */
export async function verifyOwnership(
  path: string,
  { url, ...settings }: NetworkSettings & { readonly url: string },
  print: (line: string) => void,
): Promise<number> {
  const http = new NodeHttp(url, { network: await openNetwork(settings) });
  try {
    const node = new OwnershipNode(http);
    await using file = await openFile(path);
    const { size } = await file.stat();
    const name = basename(path);
    const challenges = await node.listChallenges(name);
    const challenge = challenges[randomInt(challenges.length)];
    if (challenge === undefined || challenge.block > size) {
      print('Failed to match.');
      return 1;
    }
    const pieces: Buffer[] = [];
    for (const { offset, length } of computeOneHashExtents(size, challenge.block)) {
      pieces.push((await file.read(Buffer.alloc(length), 0, length, offset)).buffer);
    }
    const matched = await node.answer(name, { ...challenge, response: computeOneHashResponse(pieces, challenge.seed) });
    print(matched ? 'FILE MATCHED!' : 'Failed to match.');
    return matched ? 0 : 1;
  } finally {
    http.close();
  }
}

async function openFile(path: string) {
  try {
    // Opening a pipe must not wait for its writer.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    throw new FileError('unreadable', `cannot read ${path} (${getErrorCode(error) ?? 'unknown error'})`);
  }
  throw new FileError('not_a_file', `${path} is not a regular file`);
}
