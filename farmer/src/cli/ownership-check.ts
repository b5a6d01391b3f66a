import { randomInt } from 'node:crypto';
import { computeOneHashExtents, computeOneHashResponse, type OneHashChallenge } from '@downstream/heartbeat';
import { NodeError } from '../farming/errors.ts';

export interface LocalFile {
  readonly size: number;
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
}

/** The node's challenges on its file of the same name. */
export interface OwnershipPort {
  list(): Promise<OneHashChallenge[]>;
  /** @returns undefined if the challenge is no longer open */
  answer(answer: OneHashChallenge & { readonly response: string }): Promise<boolean | undefined>;
}

export interface OwnershipResult {
  /** Why the files differ; undefined if all challenges matched. */
  readonly difference: string | undefined;
  /** The offsets of all challenges that matched. */
  readonly offsets: ReadonlySet<number>;
  /** The node's file has at least this size: it has challenges up to there. */
  readonly minNodeSize: number;
}

const MAX_KEY = 2 ** 47;
/** With equal sizes, one run in a billion has no offset in the last tenth of the file among so many. */
const MIN_OFFSETS_TO_COMPARE_SIZES = 200;

/**
 * Answers `wanted` challenges at different offsets, chosen at random among those that the node offers; fewer if it does
 * not offer as many. Stops at the first difference.
 */
export async function checkOwnership(file: LocalFile, node: OwnershipPort, wanted: number): Promise<OwnershipResult> {
  const offsets = new Set<number>();
  let minNodeSize = 0;
  for (let isComplete = false; !isComplete; ) {
    const listed = await listChallenges(node, offsets.size === 0);
    const offered = new Set(listed.map(({ block }) => block));
    minNodeSize = [...offered].reduce((size, offset) => Math.max(size, offset + 1), minNodeSize);
    const previous = offsets.size;
    const difference =
      compareSizes(file.size, { offered: offered.size, minNodeSize }) ??
      (await answerSome(listed, { file, node, offsets, wanted }));
    if (difference !== undefined) return { difference, offsets, minNodeSize };
    isComplete = offsets.size === wanted || offsets.size === previous;
  }
  return { difference: undefined, offsets, minNodeSize };
}

/** A node that offered some challenges before may reject the request for more. */
async function listChallenges(node: OwnershipPort, isFirst: boolean): Promise<OneHashChallenge[]> {
  try {
    return await node.list();
  } catch (error) {
    if (isFirst || !(error instanceof NodeError) || !['rejected', 'invalid_response'].includes(error.code)) throw error;
    return [];
  }
}

/** Compares the size of the file with the offsets that the node has chosen in its own file. */
function compareSizes(
  size: number,
  { offered, minNodeSize }: { offered: number; minNodeSize: number },
): string | undefined {
  if (minNodeSize > size + 1) return `The node's file is longer: at least ${minNodeSize - 1} bytes, this one ${size}`;
  if (offered < MIN_OFFSETS_TO_COMPARE_SIZES || minNodeSize >= 0.9 * size) return undefined;
  return `The node's file is shorter: its ${offered} challenges end at byte ${minNodeSize} of ${size}`;
}

interface Round {
  readonly file: LocalFile;
  readonly node: OwnershipPort;
  /** Receives the offsets of challenges that match. */
  readonly offsets: Set<number>;
  readonly wanted: number;
}

/** @returns the first difference */
async function answerSome(
  listed: readonly OneHashChallenge[],
  { file, node, offsets, wanted }: Round,
): Promise<string | undefined> {
  for (const challenge of shuffle(listed)) {
    const { block, seed } = challenge;
    if (offsets.size === wanted) return undefined;
    // A challenge at the end of the file covers no byte.
    if (block === file.size || offsets.has(block)) continue;
    const pieces: Uint8Array[] = [];
    const extents = computeOneHashExtents(file.size, block);
    for (const { offset, length } of extents) pieces.push(await file.read(offset, length));
    const isMatch = await node.answer({ ...challenge, response: computeOneHashResponse(pieces, seed) });
    if (isMatch === undefined) continue;
    const length = extents.reduce((sum, extent) => sum + extent.length, 0);
    if (!isMatch) return `The files differ in the ${length} bytes from byte ${block}, or in their sizes`;
    offsets.add(block);
  }
  return undefined;
}

function shuffle<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: randomInt(MAX_KEY) }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
