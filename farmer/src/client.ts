import { join, resolve } from 'node:path';
import { CodedError } from '@downstream/platform';
import { createNodeDownloads } from './chunks/chunk-download.ts';
import { ChunkFiles } from './chunks/chunk-files.ts';
import { ChunkStore } from './chunks/chunk-store.ts';
import { ensureStandardGenesis, type Genesis, openGenesis } from './chunks/genesis.ts';
import { createSingleFolder } from './chunks/single-folder.ts';
import { WorkerPool } from './chunks/worker-pool.ts';
import { NodeError } from './farming/errors.ts';
import type { NetworkOptions } from './node/connection-pool.ts';
import { NodeHttp } from './node/node-http.ts';
import { PrototypeNode } from './node/prototype-node.ts';

export interface DownstreamClientOptions {
  /** The SJCX payout address. */
  readonly address: string;
  /** The folder for chunks and the genesis file, until {@link DownstreamClient.storePath} changes it. */
  readonly path?: string;
  /** A genesis file to use instead of the standard one, with its lowercase hex SHA-256. */
  readonly genesis?: { readonly path: string; readonly sha256: string };
  /** Origins that chunks may be downloaded from, besides the node's. */
  readonly downloadOrigins?: readonly string[];
  /** How nodes are reached. Default: directly, trusting the authorities of Node.js. */
  readonly network?: NetworkOptions;
}

/** A contract whose chunk is on disk. */
export interface AcceptedContract {
  /** Identifies the contract and its chunk. */
  readonly hash: string;
  /** The path of the chunk. */
  readonly path: string;
  /** The first challenge, due one interval after the contract was requested. */
  readonly challenge: string;
  readonly intervalMs: number;
}

export interface OpenChallenge {
  readonly hash: string;
  readonly challenge: string;
}

/** A call needs a connection that does not exist. */
export class ClientError extends CodedError<'not_connected'> {}

/**
 * The calls of the original client, for programs that control each step. It uses the same components as the farmer.
 * Calls to the node throw a {@link NodeError}, calls that use a chunk a {@link ChunkError}. Close the client after use.
 *
 * @example
 * await using client = new DownstreamClient({ address, path: './farm' });
 * await client.connect('http://localhost:5000');
 * const { hash, challenge } = await client.getChunk();
 * const passed = await client.answer(hash, await client.challenge(hash, challenge));
 */
export class DownstreamClient implements AsyncDisposable {
  readonly #options: DownstreamClientOptions;
  readonly #pool = new WorkerPool({ workers: 1 });
  #folder: string;
  #genesis: Promise<Genesis> | undefined;
  #connection: { http: NodeHttp; node: PrototypeNode; token: string; url: string } | undefined;

  constructor(options: DownstreamClientOptions) {
    this.#options = options;
    this.#folder = resolve(options.path ?? 'downstream-chunks');
  }

  /**
   * Registers with a node.
   *
   * @returns the token, which later calls use
   */
  async connect(url: string): Promise<string> {
    const base = url.replace(/\/+$/, '');
    const { network = {} } = this.#options;
    const http = new NodeHttp(base, { network });
    const node = new PrototypeNode(http);
    try {
      const token = await node.register(this.#options.address);
      this.#connection?.http.close();
      this.#connection = { http, node, token, url: base };
      return token;
    } catch (error) {
      http.close();
      throw error;
    }
  }

  /** Changes the folder for chunks and the genesis file. */
  storePath(path: string): void {
    this.#folder = resolve(path);
    this.#genesis = undefined;
  }

  /**
   * Requests a contract, and generates or downloads its chunk. If the chunk's SHA-256 does not match, throws and leaves
   * no file.
   *
   * @param path the folder for this chunk and later ones, as in {@link storePath}
   * @returns undefined if the node has no contract to offer
   */
  async getChunk(path?: string): Promise<AcceptedContract | undefined> {
    const { http, url, node, token } = this.#connected();
    if (path !== undefined) this.storePath(path);
    const [offer] = await node.requestContracts(token);
    if (offer === undefined) return undefined;
    const { files, chunks, genesis } = await this.#chunks();
    const trustedOrigins = this.#options.downloadOrigins ?? [];
    const downloads = createNodeDownloads({ nodeUrl: url, trustedOrigins }, http);
    await chunks.forNode(downloads).create({ ...offer, sizeBytes: genesis.size, proof: 'digest' });
    return { hash: offer.id, path: files.path(offer.id), challenge: offer.challenge, intervalMs: offer.intervalMs };
  }

  /** Releases a contract, then deletes its chunk. */
  async removeChunk(hash: string): Promise<void> {
    const { node, token } = this.#connected();
    const { chunks } = await this.#chunks();
    try {
      await node.release(token, { id: hash });
    } catch (error) {
      // The node has already ended the contract.
      if (!(error instanceof NodeError) || error.code !== 'no_hash') throw error;
    }
    await chunks.remove(hash);
  }

  /** Lists the open challenges. */
  async getChallenges(): Promise<OpenChallenge[]> {
    const { node, token } = this.#connected();
    const { open } = await node.listContracts(token);
    return [...open].map(([hash, challenge]) => ({ hash, challenge }));
  }

  /**
   * Computes the response to a challenge from the chunk on disk.
   *
   * @returns 64 hex characters
   */
  async challenge(hash: string, challenge: string): Promise<string> {
    const { chunks } = await this.#chunks();
    return await chunks.proveDigest(hash, challenge);
  }

  /**
   * Sends a response.
   *
   * @returns whether the node accepted it
   */
  async answer(hash: string, response: string): Promise<boolean> {
    const { node, token } = this.#connected();
    const [verdict] = await node.answer(token, [{ id: hash, reference: hash, response }]);
    return verdict === 'passed';
  }

  /** Generates the chunk of a secret, without a node. */
  async genChunk(secret: string): Promise<{ hash: string; path: string }> {
    const { files, chunks } = await this.#chunks();
    const hash = await chunks.generate(secret);
    return { hash, path: files.path(hash) };
  }

  /** Closes connections and worker threads. Keeps the chunks. */
  async close(): Promise<void> {
    this.#connection?.http.close();
    await this.#pool.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #connected() {
    if (this.#connection === undefined) throw new ClientError('not_connected', 'connect(url) to a node first');
    return this.#connection;
  }

  async #chunks(): Promise<{ files: ChunkFiles; chunks: ChunkStore; genesis: Genesis }> {
    const files = new ChunkFiles(join(this.#folder, 'chunks'));
    await files.create();
    const { genesis: own } = this.#options;
    this.#genesis ??= own
      ? openGenesis(own.path, own.sha256, { pool: this.#pool })
      : ensureStandardGenesis(join(this.#folder, 'genesis'), { pool: this.#pool });
    const genesis = await this.#genesis;
    const locations = createSingleFolder(files);
    return { files, chunks: new ChunkStore({ genesis }, { locations, pool: this.#pool }), genesis };
  }
}
