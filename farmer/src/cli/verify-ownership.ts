import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  computeDetectionProbability,
  countChallengesToDetect,
  countSampledBytes,
  MIN_ONE_HASH_BYTES,
} from '@downstream/heartbeat';
import { CodedError, getErrorCode } from '@downstream/platform';
import { type NetworkSettings, openNetwork } from '../node/network.ts';
import { NodeHttp } from '../node/node-http.ts';
import { OwnershipNode } from '../node/ownership-node.ts';
import { EXIT } from './exit-codes.ts';
import { checkOwnership } from './ownership-check.ts';
import type { Print } from './running-farmer.ts';

class OwnershipError extends CodedError<'unreadable' | 'not_a_file' | 'too_small' | 'no_challenge'> {}

const DETECTION_PROBABILITY = 0.99;

export interface OwnershipOptions {
  readonly file: string;
  /** By default as many as detect a file of which a tenth differs with a probability of 99 %. */
  readonly challenges?: number | undefined;
}

/**
 * `downstream --verify-ownership FILE NODE_URL`: compares samples of a file with the node's file of the same name, and
 * prints what was compared and what that proves.
 *
 * @returns `EXIT.OK` after printing `FILE MATCHED!`, `EXIT.FINDING` after `Failed to match.`
 * @throws OwnershipError, NodeError, SettingsError
 */
export async function verifyOwnership(
  { file: path, challenges }: OwnershipOptions,
  { url, ...settings }: NetworkSettings & { readonly url: string },
  print: Print,
): Promise<number> {
  await using file = await openFile(path);
  const { size } = await file.stat();
  if (size < MIN_ONE_HASH_BYTES) {
    throw new OwnershipError(
      'too_small',
      `${path} has ${size} bytes, too few for a challenge: a challenge covers a tenth of a small file, so a file needs at least ${MIN_ONE_HASH_BYTES} bytes`,
    );
  }
  const wanted = challenges ?? countChallengesToDetect(size, countTenth(size), DETECTION_PROBABILITY);
  const http = new NodeHttp(url, { network: await openNetwork(settings) });
  try {
    const node = new OwnershipNode(http);
    const name = basename(path);
    const { difference, offsets, minNodeSize } = await checkOwnership(
      {
        size,
        read: async (offset, length) => (await file.read(Buffer.alloc(length), 0, length, offset)).buffer,
      },
      {
        list: async () => await node.listChallenges(name),
        answer: async (answer) => await node.answer(name, answer),
      },
      wanted,
    );
    if (difference !== undefined) {
      print('Failed to match.');
      print(`${difference}. Challenges that matched before: ${offsets.size}.`);
      return EXIT.FINDING;
    }
    if (offsets.size === 0) {
      throw new OwnershipError('no_challenge', `the node offers no challenge that compares a byte of ${path}`);
    }
    print('FILE MATCHED!');
    for (const line of describeSample({ size, wanted, offsets, minNodeSize })) print(line);
    return EXIT.OK;
  } finally {
    http.close();
  }
}

interface Sample {
  readonly size: number;
  readonly wanted: number;
  readonly offsets: ReadonlySet<number>;
  readonly minNodeSize: number;
}

/** States what was compared, and what follows from the scheme. */
function describeSample({ size, wanted, offsets, minNodeSize }: Sample): string[] {
  const bytes = countSampledBytes(size, offsets);
  const probability = computeDetectionProbability(size, countTenth(size), offsets.size);
  const offered = offsets.size < wanted ? ` The node offered no others, ${wanted} were wanted.` : '';
  return [
    `Compared: ${bytes} of ${size} bytes (${formatPercent(bytes / size)}), by ${offsets.size === 1 ? '1 challenge' : `${offsets.size} challenges at different offsets`}.${offered}`,
    bytes === size
      ? 'This detects any difference of a file of the same size.'
      : `So many random samples detect a file of the same size of which a tenth differs with a probability of at least ${formatPercent(Math.min(probability, MAX_STATED_PROBABILITY))}.`,
    `The node's file has at least ${Math.min(size, minNodeSize)} bytes. Challenges do not tell its exact size.`,
  ];
}

/** A probability close to 1 is rounded to 1, but only a comparison of all bytes is certain. */
const MAX_STATED_PROBABILITY = 0.999;
const countTenth = (size: number): number => Math.ceil(size / 10);

const ROUNDING_ERROR = 1e-9;

/** Never more than the actual share, and 100 % only for 1. */
function formatPercent(share: number): string {
  const perMille = Math.floor(share * 1_000 + ROUNDING_ERROR);
  return `${(share < 1 ? Math.min(999, perMille) : 1_000) / 10} %`;
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    // Opening a pipe must not wait for its writer.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    throw new OwnershipError('unreadable', `cannot read ${path} (${getErrorCode(error) ?? 'unknown error'})`);
  }
  throw new OwnershipError('not_a_file', `${path} is not a regular file`);
}
