import type { Logger } from '@downstream/platform';
import type { SeededRandom } from '../ledger/seeded-random.ts';
import type { NodeHeartbeat } from './node-heartbeat.ts';
import type { HeartbeatThreads } from './threads.ts';

/** A chunk that can be issued: everything but its bytes, which follow from the seed. */
export interface PreparedChunk {
  readonly seed: string;
  readonly sizeBytes: number;
  /** JSON of the tag. */
  readonly tag: string;
  /** JSON of the state before the first challenge. */
  readonly state: string;
}

export interface PreparedChunksOptions {
  readonly sizesBytes: readonly number[];
  /** Chunks of each size to keep ready. */
  readonly stock: number;
  /** Challenges for each chunk, if the scheme limits them. */
  readonly challenges: number;
}

export interface PreparedChunksDeps {
  readonly heartbeat: Pick<NodeHeartbeat, 'getPrivate'>;
  readonly threads: Pick<HeartbeatThreads, 'run'>;
  readonly random: SeededRandom;
  /** The number of contracts that were created: chunks after a restart must differ from those before it. */
  readonly created: () => number;
  readonly now: () => number;
  readonly log: Pick<Logger, 'error'>;
}

interface Waiter {
  readonly resolve: (chunk: PreparedChunk) => void;
  readonly reject: (error: unknown) => void;
}

interface Shelf {
  readonly sizeBytes: number;
  ready: PreparedChunk[];
  waiting: Waiter[];
}

/** Small chunks are encoded several at a time, because handing work to a thread costs more than encoding them. */
const BATCH_BYTES = 8 * 1024 * 1024;
const MAX_BATCH = 10;

/** Encodes chunks ahead, in a thread and one batch at a time, so that farmers get them without waiting. */
export class PreparedChunks {
  readonly #options: PreparedChunksOptions;
  readonly #deps: PreparedChunksDeps;
  #shelves: Shelf[] = [];
  /** Distinguishes the chunks of one start or reset from those of another. */
  #series = '';
  #drawn = 0;
  #isEncoding = false;
  #isClosed = false;

  constructor(options: PreparedChunksOptions, deps: PreparedChunksDeps) {
    this.#options = options;
    this.#deps = deps;
    this.reset();
  }

  /** Begins to encode chunks of all sizes. */
  start(): void {
    if (!this.#isEncoding && !this.#isClosed) void this.#encodeMissing();
  }

  /** The size of the largest chunk that is not larger than `maxBytes`. */
  findSize(maxBytes: number): number | undefined {
    const fitting = this.#options.sizesBytes.filter((sizeBytes) => sizeBytes <= maxBytes);
    return fitting.length === 0 ? undefined : Math.max(...fitting);
  }

  /** Takes a chunk of one of the sizes. Waits until it is encoded. */
  async take(sizeBytes: number): Promise<PreparedChunk> {
    const shelf = this.#shelves.find((each) => each.sizeBytes === sizeBytes);
    if (shelf === undefined) throw new RangeError(`no chunks of ${sizeBytes} bytes`);
    const ready = shelf.ready.shift();
    const taken = ready ?? new Promise<PreparedChunk>((resolve, reject) => shelf.waiting.push({ resolve, reject }));
    this.start();
    return await taken;
  }

  /** Drops all chunks that are ready: they belong to the former seed. */
  reset(): void {
    const waiting = this.#shelves.flatMap((shelf) => shelf.waiting);
    this.#shelves = this.#options.sizesBytes.map((sizeBytes) => ({ sizeBytes, ready: [], waiting: [] }));
    this.#series = `${this.#deps.random.seed} ${this.#deps.created()}`;
    this.#drawn = 0;
    for (const { reject } of waiting) reject(new Error('the contracts were reset'));
  }

  /** Stops encoding. Call it before the threads are closed. */
  close(): void {
    this.#isClosed = true;
    this.reset();
  }

  async #encodeMissing(): Promise<void> {
    this.#isEncoding = true;
    for (let shelf = this.#findShelf(); shelf !== undefined; shelf = this.#findShelf()) {
      try {
        this.#distribute(shelf, await this.#encode(shelf));
      } catch (error) {
        if (!this.#isClosed) this.#deps.log.error('chunks not encoded', { error });
        for (const { reject } of shelf.waiting.splice(0)) reject(error);
        break;
      }
    }
    this.#isEncoding = false;
  }

  /** The size that misses the most chunks. Farmers that wait for one count first. */
  #findShelf(): Shelf | undefined {
    const missing = this.#shelves.filter((shelf) => this.#countMissing(shelf) > 0);
    const [first] = missing.sort(
      (a, b) => b.waiting.length - a.waiting.length || this.#countMissing(b) - this.#countMissing(a),
    );
    return first;
  }

  #countMissing({ ready, waiting }: Shelf): number {
    return this.#options.stock + waiting.length - ready.length;
  }

  async #encode(shelf: Shelf): Promise<PreparedChunk[]> {
    const { heartbeat, threads, random, now } = this.#deps;
    const { sizeBytes } = shelf;
    const count = Math.max(1, Math.min(MAX_BATCH, this.#countMissing(shelf), Math.floor(BATCH_BYTES / sizeBytes)));
    const chunkSeeds = Array.from({ length: count }, () => random.chunkSeed(this.#series, this.#drawn++));
    const encoded = await threads.run({
      kind: 'encode',
      heartbeat: await heartbeat.getPrivate(),
      nodeSeed: random.seed,
      chunkSeeds,
      sizeBytes,
      challenges: this.#options.challenges,
      timestamp: now() / 1000,
    });
    return encoded.map((texts, n) => ({ seed: chunkSeeds[n] ?? '', sizeBytes, ...texts }));
  }

  /** After a reset, the chunks go to a dropped shelf, from which no farmer gets any. */
  #distribute(shelf: Shelf, chunks: readonly PreparedChunk[]): void {
    for (const chunk of chunks) {
      const waiter = shelf.waiting.shift();
      if (waiter === undefined) shelf.ready.push(chunk);
      else waiter.resolve(chunk);
    }
  }
}
