import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { computeOneHashExtents, computeOneHashResponse, generateOneHashSeeds } from '@downstream/heartbeat';
import { getErrorCode, SettingsError } from '@downstream/platform';
import type { SeededRandom } from '../ledger/seeded-random.ts';

/** A challenge as it is handed out; a response is never among them. */
export interface OfferedChallenge {
  readonly filename: string;
  readonly rootseed: string;
  readonly block: number;
  readonly seed: string;
}

interface FileChallenges {
  readonly size: number;
  /** By seed. */
  readonly open: Map<string, OfferedChallenge>;
  readonly draw: () => OfferedChallenge;
}

const OPEN_CHALLENGES = 1000;
/** The challenges of so many files are remembered, at 200 kB each; those of the file that nobody asked for longest go first. */
const MAX_FILES = 100;
/** Opening a pipe must not wait for its writer, and what became a link since it was looked at must not be followed. */
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Says at the start that there is no such folder, rather than later that it has no such file.
 *
 * @throws SettingsError
 */
export async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => getErrorCode(error) ?? 'unknown');
  if (typeof found !== 'string' && found.isDirectory()) return;
  const why = typeof found === 'string' ? found : 'not a folder';
  throw new SettingsError([`MOCK_FILES is ${JSON.stringify(folder)} (${why}): give a folder`]);
}

/**
 * File-ownership challenges on the plain files of one folder. A challenge is used up by its first answer, and the next
 * of the chain takes its place: an answer overheard is worth nothing.
 */
export class OwnershipFiles {
  readonly #folder: string | undefined;
  readonly #random: SeededRandom;
  readonly #files = new Map<string, FileChallenges>();
  /** How often a file's chain was begun: each is another one, or forgotten challenges could be answered again. */
  readonly #begun = new Map<string, number>();

  /** @param folder undefined: no file can be verified */
  constructor(folder: string | undefined, random: SeededRandom) {
    this.#folder = folder;
    this.#random = random;
  }

  /** The open challenges on a file; undefined where there is no such file. */
  async challenges(filename: string): Promise<OfferedChallenge[] | undefined> {
    await using file = await this.#open(filename);
    if (file === undefined) return undefined;
    return [...this.#getChallenges(filename, (await file.stat()).size).open.values()];
  }

  /** Whether a response is right; undefined where there is no such open challenge. */
  async answer(
    filename: string,
    { block, seed, response }: { block: number; seed: string; response: string },
  ): Promise<boolean | undefined> {
    await using file = await this.#open(filename);
    if (file === undefined) return undefined;
    const { size, open: offered, draw } = this.#getChallenges(filename, (await file.stat()).size);
    if (offered.get(seed)?.block !== block) return undefined;
    offered.delete(seed);
    const next = draw();
    offered.set(next.seed, next);
    const pieces: Buffer[] = [];
    for (const { offset, length } of computeOneHashExtents(size, block)) {
      pieces.push((await file.read(Buffer.alloc(length), 0, length, offset)).buffer);
    }
    return computeOneHashResponse(pieces, seed) === response;
  }

  /** Opens a plain file that lies directly in the folder: no path, no link that leads out of it. */
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

  #getChallenges(filename: string, size: number): FileChallenges {
    const known = this.#files.get(filename);
    this.#files.delete(filename);
    if (known?.size === size) {
      this.#files.set(filename, known);
      return known;
    }
    const chain = this.#begun.get(filename) ?? 0;
    this.#begun.set(filename, chain + 1);
    const { rootSeed, secret } = this.#random.ownership(filename, chain);
    const seeds = generateOneHashSeeds(rootSeed, secret);
    let drawn = 0;
    const draw = (): OfferedChallenge => ({
      filename,
      rootseed: rootSeed,
      block: this.#random.offset(filename, drawn++, size),
      seed: seeds.next().value,
    });
    const offered = Array.from({ length: OPEN_CHALLENGES }, draw);
    const made: FileChallenges = { size, open: new Map(offered.map((challenge) => [challenge.seed, challenge])), draw };
    const [oldest] = this.#files.keys();
    if (oldest !== undefined && this.#files.size >= MAX_FILES) this.#files.delete(oldest);
    this.#files.set(filename, made);
    return made;
  }
}

function isPlainName(name: string): boolean {
  return name.length <= 255 && name === basename(name) && !name.startsWith('.') && !/[\0/\\]/.test(name);
}
