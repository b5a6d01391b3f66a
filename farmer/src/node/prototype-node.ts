import {
  buildPath,
  contractResponse,
  removeResponse,
  tokenResponse,
  token as tokenText,
  verdictResponse,
} from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';
import type {
  Answer,
  CallOptions,
  Listing,
  ListingOptions,
  NodeContract,
  NodePort,
  Offer,
  Verdict,
} from '../farming/ports.ts';
import { ListingBuilder } from './listing-builder.ts';
import type { NodeHttp } from './node-http.ts';
import { type EntryReader, readLists } from './read-lists.ts';
import { parseResponse, parseStatus, readWhole } from './responses.ts';

const MIB = 1024 * 1024;
/** The longest entries of one contract in both lists, with all characters of the challenge escaped. */
const MAX_CONTRACT_BYTES = 7 * 1024;
/** For contracts that this farmer does not have, and white space. */
const MAX_EXTRA_BYTES = 4 * MIB;
/** Enough for 100,000 contracts with challenges of usual length. */
const MAX_LISTING_BYTES = 32 * MIB;

/** Client of a node with the prototype API (`/api/downstream`). */
export class PrototypeNode implements NodePort {
  readonly traits = { listsAll: true, maxBatch: 1, canRelease: true, chunkSizesVary: false };
  readonly #http: NodeHttp;

  constructor(http: NodeHttp) {
    this.#http = http;
  }

  async register(address: string, options: CallOptions = {}): Promise<string> {
    await this.#http.request({
      ...options,
      route: 'connectivity',
      path: buildPath('connectivity', {}),
      read: ({ status }) => {
        if (status < 400) return;
        throw new NodeError('http_error', 'connectivity', `the node responded with HTTP ${status}`, { status });
      },
    });
    return await this.#http.request({
      ...options,
      route: 'new',
      path: buildPath('new', { address }),
      read: async (response) => {
        const whole = await readWhole(response);
        const plainText = tokenText.safeParse(whole.text.trim());
        if (whole.status === 200 && plainText.success) return plainText.data;
        return parseResponse('new', tokenResponse, whole).token;
      },
    });
  }

  async requestContracts(token: string, options: CallOptions = {}): Promise<Offer[]> {
    return await this.#http.request({
      ...options,
      route: 'chunk',
      path: buildPath('chunk', { token }),
      read: async (response) => {
        const whole = await readWhole(response);
        if (parseStatus(whole) === 'no_chunks') return [];
        const { file_hash, challenge, interval, secret, url } = parseResponse('chunk', contractResponse, whole);
        const source = secret === undefined ? { kind: 'url' as const, url } : { kind: 'secret' as const, secret };
        return [{ id: file_hash, reference: file_hash, source, challenge, intervalMs: interval }];
      },
    });
  }

  async listContracts(
    token: string,
    { isKnown, maxContracts = Number.POSITIVE_INFINITY, ...options }: ListingOptions = {},
  ): Promise<Listing> {
    return await this.#http.request({
      ...options,
      route: 'due',
      path: buildPath('due', { token }),
      maxBytes: Math.min(MAX_EXTRA_BYTES + maxContracts * MAX_CONTRACT_BYTES, MAX_LISTING_BYTES),
      read: async (response) => {
        const listing = new ListingBuilder(isKnown);
        const readers = new Map<string, EntryReader>([
          ['all_contracts', (entry) => listing.addContract(entry)],
          ['due_contracts', (entry) => listing.addDue(entry)],
        ]);
        await readLists('due', readers, response);
        return listing;
      },
    });
  }

  async answer(token: string, answers: readonly Answer[], options: CallOptions = {}): Promise<Verdict[]> {
    return await Promise.all(answers.map(async (answer) => await this.#answerOne(token, answer, options)));
  }

  async #answerOne(token: string, { id, response: proof }: Answer, options: CallOptions): Promise<Verdict> {
    return await this.#http.request({
      ...options,
      route: 'challenge',
      path: buildPath('challenge', { token, hash: id, response: proof }),
      read: async (response) =>
        parseResponse('challenge', verdictResponse, await readWhole(response)).status === 'pass' ? 'passed' : 'failed',
    });
  }

  async release(token: string, { id }: Pick<NodeContract, 'id'>, options: CallOptions = {}): Promise<void> {
    await this.#http.request({
      ...options,
      route: 'remove',
      method: 'DELETE',
      path: buildPath('remove', { token, hash: id }),
      read: async (response) => parseResponse('remove', removeResponse, await readWhole(response)),
    });
  }
}
