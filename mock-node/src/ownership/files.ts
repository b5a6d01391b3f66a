import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { computeOneHashExtents, computeOneHashResponse, generateOneHashSeeds } from '@downstream/heartbeat';
import { getErrorCode, SettingsError } from '@downstream/platform';
import type { SeededRandom } from '../ledger/seeded-random.ts';

/** A challenge as a client sees it. It must not contain the response. */
export interface OwnershipChallenge {
  readonly filename: string;
  readonly rootseed: string;
  readonly block: number;
  readonly seed: string;
}

interface FileChallenges {
  readonly sizeBytes: number;
  readonly openBySeed: Map<string, OwnershipChallenge>;
  readonly generate: () => OwnershipChallenge;
}

const OPEN_CHALLENGES = 1000;
/** The challenges of a file take about 200 kB. Beyond this limit, the least recently used file loses its challenges. */
const MAX_FILES = 100;
/** Does not wait for the writer of a pipe, and does not follow a link that replaced the file after its check. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** @throws SettingsError if the folder does not exist */
export async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => getErrorCode(error) ?? 'unknown');
  if (typeof found !== 'string' && found.isDirectory()) return;
  const reason = typeof found === 'string' ? `: ${found}` : '';
  throw new SettingsError([`MOCK_FILES: expected a directory (got ${JSON.stringify(folder)}${reason})`]);
}

/**
 * Ownership challenges on the regular files of one folder. Each challenge accepts one answer. The next challenge of its
 * chain then replaces it, so that an observed answer cannot be reused.
 */
export class OwnershipFiles {
  readonly #folder: string | undefined;
  readonly #random: SeededRandom;
  readonly #files = new Map<string, FileChallenges>();
  /** The number of chains of each file. A new chain has other challenges, so that no challenge is issued twice. */
  readonly #chains = new Map<string, number>();

  /** @param folder without it, no file can be verified */
  constructor(folder: string | undefined, random: SeededRandom) {
    this.#folder = folder;
    this.#random = random;
  }

  /** The open challenges of a file; undefined if the file does not exist. */
  async challenges(filename: string): Promise<OwnershipChallenge[] | undefined> {
    await using file = await this.#open(filename);
    if (file === undefined) return undefined;
    return [...this.#getChallenges(filename, (await file.stat()).size).openBySeed.values()];
  }

  /** Whether a response is correct; undefined if the challenge is not open. */
  async answer(
    filename: string,
    { block, seed, response }: { block: number; seed: string; response: string },
  ): Promise<boolean | undefined> {
    await using file = await this.#open(filename);
    if (file === undefined) return undefined;
    const { sizeBytes, openBySeed, generate } = this.#getChallenges(filename, (await file.stat()).size);
    if (openBySeed.get(seed)?.block !== block) return undefined;
    openBySeed.delete(seed);
    const next = generate();
    openBySeed.set(next.seed, next);
    const pieces: Buffer[] = [];
    for (const { offset, length } of computeOneHashExtents(sizeBytes, block)) {
      pieces.push((await file.read(Buffer.alloc(length), 0, length, offset)).buffer);
    }
    return computeOneHashResponse(pieces, seed) === response;
  }

  /** Opens a regular file directly in the folder. Paths and links that leave the folder are rejected. */
  async #open(filename: string): Promise<FileHandle | undefined> {
    if (this.#folder === undefined || !isPlainName(filename)) return undefined;
    try {
      const folder = await realpath(this.#folder);
      const path = await realpath(join(folder, filename));
      if (dirname(path) !== folder) return undefined;
      const file = await open(path, READ_FLAGS);
      if ((await file.stat()).isFile()) return file;
      await file.close();
      return undefined;
    } catch (error) {
      if (getErrorCode(error) !== undefined) return undefined;
      throw error;
    }
  }

  /** The challenges of a file. A file whose size changed starts a new chain. */
  #getChallenges(filename: string, sizeBytes: number): FileChallenges {
    const known = this.#files.get(filename);
    this.#files.delete(filename);
    if (known?.sizeBytes === sizeBytes) {
      this.#files.set(filename, known);
      return known;
    }
    const chain = this.#chains.get(filename) ?? 0;
    this.#chains.set(filename, chain + 1);
    const { rootSeed, secret } = this.#random.ownership(filename, chain);
    const seeds = generateOneHashSeeds(rootSeed, secret);
    let generated = 0;
    const generate = (): OwnershipChallenge => ({
      filename,
      rootseed: rootSeed,
      block: this.#random.offset(filename, generated++, sizeBytes),
      seed: seeds.next().value,
    });
    const offered = Array.from({ length: OPEN_CHALLENGES }, generate);
    const challenges: FileChallenges = {
      sizeBytes,
      openBySeed: new Map(offered.map((challenge) => [challenge.seed, challenge])),
      generate,
    };
    const [oldest] = this.#files.keys();
    if (oldest !== undefined && this.#files.size >= MAX_FILES) this.#files.delete(oldest);
    this.#files.set(filename, challenges);
    return challenges;
  }
}

function isPlainName(name: string): boolean {
  return name.length <= 255 && name === basename(name) && !name.startsWith('.') && !/[\0/\\]/.test(name);
}
