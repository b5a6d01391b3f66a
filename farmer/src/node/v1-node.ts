import { HeartbeatError, merkle, swizzle } from '@downstream/heartbeat';
import { buildPath, heartbeatResponse, type V1RouteName } from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';
import {
  type Answer,
  type CallOptions,
  type Listing,
  type ListingOptions,
  type NodePort,
  type NodeTraits,
  type Offer,
  type OutcomePort,
  type ReceivedTag,
  SKIP_REASONS,
  type SkipReason,
  type Verdict,
} from '../farming/ports.ts';
import type { Identity } from '../identity.ts';
import { MAX_PART_LENGTH } from './json-splitter.ts';
import type { NodeHttp, NodeRequest } from './node-http.ts';
import { readLists } from './read-lists.ts';
import { parseResponse, readWhole } from './responses.ts';
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

type Heartbeat = Omit<ReceivedTag, 'tag'>;
interface Registration {
  readonly token: string;
  readonly heartbeat: Heartbeat;
}
type Request = Omit<NodeRequest<unknown>, 'read'> & { readonly route: V1RouteName };

const SCHEMES = { Merkle: merkle, Swizzle: swizzle };
const MIB = 1024 * 1024;
/** Keeps requests below 4 MiB, and the time for which they occupy a node of 2015 below a second. */
const MAX_BATCH = 500;
/** For white space and for entries that were not asked for. */
const MAX_EXTRA_BYTES = 64 * 1024;
/** For all Merkle tags of a response. Their size depends on the number of challenges: 24 KB for 256. */
const MAX_MERKLE_BYTES = 10 * MIB;
/** The size of a Swizzle tag relative to that of its chunk: 0.14 with the default of ten sectors, 1.6 with one. */
const MAX_SWIZZLE_RATIO = 2;
const MAX_OFFERS_BYTES = 64 * MIB;
/** For the largest tag that the schemes accept. */
const MAX_OFFER_LENGTH = 24 * MIB;

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
    const result = new V1Offers({ nodeUrl: this.#options.url, maxBytes, heartbeat: known.heartbeat });
    const request = {
      ...options,
      route: 'v1_chunk',
      path: buildPath('v1_chunk', { token, size: String(maxBytes) }),
      maxBytes: Math.min(MAX_MERKLE_BYTES + MAX_SWIZZLE_RATIO * maxBytes, MAX_OFFERS_BYTES),
    } as const;
    await this.#readList('chunks', (entry) => result.add(entry), request, MAX_OFFER_LENGTH);
    this.#countSkipped(result.skipped);
    return result.offers;
  }

  /**
   * @param options.asked required, since only the farmer knows which ids belong to the node's references. If it is
   *   empty, the call only checks the token
   */
  async listContracts(token: string, { asked, signal, timeoutMs }: ListingOptions = {}): Promise<Listing> {
    if (asked === undefined) throw new TypeError('the contracts to ask for are missing');
    const listing = new V1Listing(asked);
    if (asked.length === 0) {
      await this.#identify(token, { signal, timeoutMs });
      return listing;
    }
    await this.#readList('challenges', (entry) => listing.add(entry), {
      signal,
      timeoutMs,
      route: 'v1_challenge',
      method: 'POST',
      path: buildPath('v1_challenge', { token }),
      body: JSON.stringify({ hashes: asked.map(({ reference }) => reference) }),
      maxBytes: MAX_EXTRA_BYTES + asked.length * MAX_PART_LENGTH,
    });
    return listing;
  }

  async answer(token: string, answers: readonly Answer[], options: CallOptions = {}): Promise<Verdict[]> {
    if (answers.length === 0) return [];
    const report = new V1Report(answers);
    // Responses are JSON already.
    const proofs = answers.map(
      ({ reference, response }) => `{"file_hash":${JSON.stringify(reference)},"proof":${response}}`,
    );
    await this.#readList('report', (entry) => report.add(entry), {
      ...options,
      route: 'v1_answer',
      method: 'POST',
      path: buildPath('v1_answer', { token }),
      body: `{"proofs":[${proofs.join(',')}]}`,
      maxBytes: MAX_EXTRA_BYTES + answers.length * MAX_PART_LENGTH,
    });
    this.#countSkipped(report.skipped);
    const { verdicts } = report;
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
    const { heartbeat } = await this.#requestHeartbeat({ ...options, route: 'v1_heartbeat', path });
    this.#known = { token, heartbeat };
    return this.#known;
  }

  async #requestHeartbeat(request: Request): Promise<Registration> {
    const { route } = request;
    return await this.#deps.http.request({
      ...request,
      read: async (response) => {
        const { token, type: scheme, heartbeat } = parseResponse(route, heartbeatResponse, await readWhole(response));
        try {
          SCHEMES[scheme].heartbeat.fromJSON(heartbeat);
        } catch (error) {
          if (!(error instanceof HeartbeatError)) throw error;
          throw new NodeError('invalid_response', route, "the node's heartbeat is invalid", { reason: error.message });
        }
        return { token, heartbeat: { scheme, heartbeat } };
      },
    });
  }

  async #readList(
    name: string,
    read: (entry: unknown) => boolean,
    request: Request,
    maxEntryLength?: number,
  ): Promise<void> {
    const readers = new Map([[name, read]]);
    await this.#deps.http.request({
      ...request,
      read: async (response) => await readLists(request.route, readers, response, maxEntryLength),
    });
  }

  #countSkipped(skipped: Readonly<Record<SkipReason, number>>): void {
    for (const reason of SKIP_REASONS) {
      if (skipped[reason] > 0) this.#deps.outcomes?.entriesSkipped(reason, skipped[reason]);
    }
  }
}
