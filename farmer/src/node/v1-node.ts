import { buildPath, type V1RouteName } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';
import {
  type Answer,
  type CallOptions,
  type Listing,
  type ListingOptions,
  MAX_TAG_LENGTH,
  type NodePort,
  type NodeTraits,
  type Offer,
  type OutcomePort,
  SKIP_REASONS,
  type SkipReason,
  type Verdict,
} from '../farming/ports.ts';
import type { Identity } from '../identity.ts';
import { MAX_PART_LENGTH, type PartLimits } from './json-splitter.ts';
import type { NodeHttp, NodeRequest, NodeResponse } from './node-http.ts';
import { readLists } from './read-lists.ts';
import { readWhole } from './responses.ts';
import { parseRegistration, type Registration } from './v1-heartbeat.ts';
import { V1Listing } from './v1-listing.ts';
import { V1Offers } from './v1-offers.ts';
import { V1Report } from './v1-report.ts';

export interface V1NodeOptions {
  /** URL of the node, which is part of the ids of its contracts. */
  readonly url: string;
  /** Sent with each request for a token. Nodes may require it. */
  readonly identity?: Identity | undefined;
}

export interface V1NodeDeps {
  readonly http: NodeHttp;
  readonly outcomes?: Pick<OutcomePort, 'entriesSkipped'>;
}

type Request = Omit<NodeRequest<unknown>, 'read'> & { readonly route: V1RouteName };

const PERMANENT_REDIRECT = 308;
/** Keeps requests below 4 MiB, and the time for which they occupy a node of 2015 below a second. */
const MAX_BATCH = 500;
/** For white space and for entries that were not asked for. */
const MAX_EXTRA_BYTES = 64 * 1024;
/** All tags of a response are in memory at once, some of them more than once. */
const MAX_OFFERS_BYTES = 16 * 1024 * 1024;
/** For the tag of Merkle with the maximum number of nodes, and the other fields. */
const OFFER_LIMITS: PartLimits = { length: MAX_TAG_LENGTH + MAX_PART_LENGTH, delimiters: 2 * 65_536 + 64 };

/** Client of a node with the v1 API (`/api/downstream/v1`). Each call sends one request, about at most one batch. */
export class V1Node implements NodePort {
  readonly traits: NodeTraits = { listsAll: false, maxBatch: MAX_BATCH, canRelease: false, chunkSizesVary: true };
  readonly #options: V1NodeOptions;
  readonly #deps: V1NodeDeps;
  /** The heartbeat that the node stated for a token. */
  #known: Registration | undefined;

  constructor(options: V1NodeOptions, deps: V1NodeDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async register(address: string, options: CallOptions = {}): Promise<string> {
    const { identity } = this.#options;
    this.#known = await this.#requestHeartbeat({
      ...options,
      route: 'v1_new',
      path: buildPath('v1_new', { address }),
      ...(identity && { method: 'POST', body: JSON.stringify(identity) }),
    });
    return this.#known.token;
  }

  async requestContracts(
    token: string,
    { maxBytes, ...options }: CallOptions & { readonly maxBytes: number },
  ): Promise<Offer[]> {
    const known = this.#known?.token === token ? this.#known : await this.#identify(token, options);
    const { heartbeat, tagRatio } = known;
    const requestBytes = Math.floor(Math.min(maxBytes, (MAX_OFFERS_BYTES - MAX_EXTRA_BYTES) / tagRatio));
    const read = async (response: NodeResponse) => {
      const result = new V1Offers({ nodeUrl: this.#options.url, maxBytes: requestBytes, heartbeat });
      try {
        await readLists('v1_chunk', new Map([['chunks', result.add]]), response, OFFER_LIMITS);
      } catch (error) {
        // Nodes delete each tag when they have sent it, so offers that arrived must not be lost with the rest.
        if (!(error instanceof NodeError) || result.offers.length === 0) throw error;
        result.skipped.invalid_contract += 1;
      }
      result.checkSize();
      return result;
    };
    const path = buildPath('v1_chunk', { token, size: String(requestBytes) });
    const request = { ...options, route: 'v1_chunk', path, maxBytes: MAX_OFFERS_BYTES } as const;
    const found = await this.#deps.http.request({
      ...request,
      read: async (response) => (response.status === PERMANENT_REDIRECT ? undefined : await read(response)),
    });
    // The original node redirects a request for its default size to the path without a size.
    const { offers, skipped } =
      found ?? (await this.#deps.http.request({ ...request, path: path.replace(/\/\d+$/, ''), read }));
    this.#countSkipped(skipped);
    return offers;
  }

  /**
   * @param options.asked required, since only the farmer knows which ids belong to the node's references. If it is
   *   empty, the call only checks the token
   */
  async listContracts(token: string, { asked, signal, timeoutMs }: ListingOptions = {}): Promise<Listing> {
    if (asked === undefined) throw new TypeError('the contracts to ask for are missing');
    if (asked.length === 0) {
      await this.#identify(token, { signal, timeoutMs });
      return new V1Listing([]);
    }
    return await this.#deps.http.request({
      signal,
      timeoutMs,
      route: 'v1_challenge',
      method: 'POST',
      path: buildPath('v1_challenge', { token }),
      body: JSON.stringify({ hashes: asked.map(({ reference }) => reference) }),
      maxBytes: MAX_EXTRA_BYTES + asked.length * MAX_PART_LENGTH,
      read: async (response) => {
        const listing = new V1Listing(asked);
        await readLists('v1_challenge', new Map([['challenges', listing.add]]), response);
        return listing;
      },
    });
  }

  async answer(token: string, answers: readonly Answer[], options: CallOptions = {}): Promise<Verdict[]> {
    if (answers.length === 0) return [];
    // Responses are JSON already.
    const proofs = answers.map(
      ({ reference, response }) => `{"file_hash":${JSON.stringify(reference)},"proof":${response}}`,
    );
    const { verdicts, skipped } = await this.#deps.http.request({
      ...options,
      route: 'v1_answer',
      method: 'POST',
      path: buildPath('v1_answer', { token }),
      body: `{"proofs":[${proofs.join(',')}]}`,
      maxBytes: MAX_EXTRA_BYTES + answers.length * MAX_PART_LENGTH,
      read: async (response) => {
        const report = new V1Report(answers);
        await readLists('v1_answer', new Map([['report', report.add]]), response);
        return report;
      },
    });
    this.#countSkipped(skipped);
    // The node may have got other keys: tags of new contracts then belong to another heartbeat.
    if (verdicts.includes('rejected')) this.#known = undefined;
    return verdicts;
  }

  async release(): Promise<void> {
    throw new TypeError('contracts of the v1 API cannot be released');
  }

  /** Presents the token of an earlier run to the node. */
  async #identify(token: string, options: CallOptions): Promise<Registration> {
    const path = buildPath('v1_heartbeat', { token });
    const registration = await this.#requestHeartbeat({ ...options, route: 'v1_heartbeat', path });
    this.#known = { ...registration, token };
    return this.#known;
  }

  async #requestHeartbeat(request: Request): Promise<Registration> {
    return await this.#deps.http.request({
      ...request,
      read: async (response) => parseRegistration(request.route, await readWhole(response)),
    });
  }

  #countSkipped(skipped: Readonly<Record<SkipReason, number>>): void {
    for (const reason of SKIP_REASONS) {
      if (skipped[reason] > 0) this.#deps.outcomes?.entriesSkipped(reason, skipped[reason]);
    }
  }
}
