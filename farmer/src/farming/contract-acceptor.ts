import type { Instant } from '@downstream/platform';
import { computeBackoffMs } from '@downstream/platform';
import { addSpace } from '../contract/capacity.ts';
import type { ContractId } from '../contract/contract.ts';
import type { WaitReason } from '../contract/waiting.ts';
import type { NewContract } from './contract-table.ts';
import { NodeError } from './errors.ts';
import type { NodeComponents, SharedDeps } from './node-components.ts';
import type { Offer, SavedTag } from './ports.ts';

type ContractAcceptorDeps = SharedDeps &
  Pick<NodeComponents, 'node' | 'session' | 'contracts' | 'tags' | 'nodeThroughput' | 'exitStore' | 'log'>;

const POLL_MS = 1_000;
/** The v1 API offers at most as many contracts at once. */
const MAX_OFFERS = 10;
/** So that a request that takes long keeps only a part of the space from other nodes. */
const MAX_REQUEST_BYTES = 1024 ** 3;
const RETRY = { baseMs: 1_000, capMs: 30_000 };

/** What came of a request. `waitsFor` is undefined if a contract was accepted. */
interface RequestResult {
  readonly waitsFor?: WaitReason;
  readonly retryAfterMs?: number | undefined;
}

/** How large the chunks of a request may be together for one reason. */
interface RequestLimit {
  readonly reason: WaitReason;
  readonly maxBytes: number;
}

/**
 * Requests contracts until the capacity is used, and replaces those that ended. It stops while too many chunks are
 * being generated, or when more contracts could not be stored or proved in time. It pauses with backoff after the node
 * has no contract, fails, or offers contracts that are rejected.
 */
export class ContractAcceptor {
  readonly #maxGenerating: number;
  readonly #deps: ContractAcceptorDeps;
  /** What came of the last request. */
  #last: RequestResult = {};
  #requestedBytes: number | undefined;

  /** @param maxGenerating how many chunks may be generated at once */
  constructor({ maxGenerating }: { maxGenerating: number }, deps: ContractAcceptorDeps) {
    this.#maxGenerating = maxGenerating;
    this.#deps = deps;
  }

  /** How large chunks the last request allowed; undefined if the node does not offer any size. */
  get requestedBytes(): number | undefined {
    return this.#deps.node.traits.chunkSizesVary ? this.#requestedBytes : undefined;
  }

  /** Why no contract is accepted at present; undefined while contracts are accepted. */
  get waitsFor(): WaitReason | undefined {
    const { contracts } = this.#deps;
    return this.#findObstacle() ?? (contracts.consecutiveRejections > 0 ? 'offers_rejected' : this.#last.waitsFor);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { contracts, chunkWork, clock, random } = this.#deps;
    for (let failures = 0; !signal.aborted; ) {
      await chunkWork.waitForSizeBelow(this.#maxGenerating);
      const { token } = this.#deps.session;
      if (token === undefined || this.#findObstacle() !== undefined) {
        await clock.sleep(POLL_MS, signal);
        continue;
      }
      this.#last = await this.#requestOne(token, signal);
      const { waitsFor, retryAfterMs = 0 } = this.#last;
      failures = waitsFor === undefined ? 0 : failures + 1;
      const attempt = Math.max(failures, contracts.consecutiveRejections);
      if (attempt > 0) await clock.sleep(Math.max(computeBackoffMs(RETRY, attempt, random), retryAfterMs), signal);
    }
  }

  /** What must change before another contract is requested. */
  #findObstacle(): WaitReason | undefined {
    const { session, contracts, nodeThroughput, exitStore } = this.#deps;
    const exitState = exitStore.exitState();
    if (exitState !== 'active') return exitState;
    if (session.token === undefined) return 'no_token';
    const lackOfSpace = this.#findLackOfSpace(this.#minRequestBytes);
    if (lackOfSpace !== undefined) return lackOfSpace;
    if (!nodeThroughput.hasCapacity) return 'too_slow';
    if (contracts.phases.generating >= this.#maxGenerating) return 'generating';
    return undefined;
  }

  get #minRequestBytes(): number {
    const { node, contracts } = this.#deps;
    return node.traits.chunkSizesVary ? 1 : contracts.chunkBytes;
  }

  #computeLimits(): RequestLimit[] {
    const { node, contracts, capacity, allContracts, freeSpace } = this.#deps;
    const requested = allContracts.requestedBesides(contracts);
    const hasTags = node.traits.chunkSizesVary;
    const offers = { bytes: 0, chunks: hasTags ? MAX_OFFERS : 1 };
    const pending = addSpace(addSpace(allContracts.pending, requested), offers);
    return [
      { reason: 'share_used', maxBytes: capacity.getBytes(contracts) - contracts.bytes },
      { reason: 'capacity_used', maxBytes: capacity.totalBytes - allContracts.bytes - requested.bytes },
      { reason: 'no_space', maxBytes: freeSpace.availableBytes(offers, { hasTags }) },
      { reason: 'generating', maxBytes: freeSpace.availableBytes(pending, { hasTags }) },
    ];
  }

  /** Why no chunk of this size fits; undefined if it does. */
  #findLackOfSpace(chunkBytes: number): WaitReason | undefined {
    return this.#computeLimits().find(({ maxBytes }) => maxBytes < chunkBytes)?.reason;
  }

  /** How large the chunks of the next request may be together. */
  #computeMaxBytes(): number {
    if (!this.#deps.node.traits.chunkSizesVary) return this.#minRequestBytes;
    return Math.min(MAX_REQUEST_BYTES, ...this.#computeLimits().map(({ maxBytes }) => maxBytes));
  }

  async #requestOne(token: string, signal: AbortSignal): Promise<RequestResult> {
    const { node, contracts, log } = this.#deps;
    const maxBytes = this.#computeMaxBytes();
    const space = { bytes: maxBytes, chunks: node.traits.chunkSizesVary ? MAX_OFFERS : 1 };
    try {
      return await contracts.whileRequesting(space, async () => await this.#requestWith(token, maxBytes, signal));
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      // The circuit breaker reports when it opens.
      if (error.code !== 'circuit_open') log.warn('contract request failed', { error });
      return { waitsFor: 'request_failed', retryAfterMs: error.retryAfterMs };
    }
  }

  async #requestWith(token: string, maxBytes: number, signal: AbortSignal): Promise<RequestResult> {
    const { node, session, contracts, clock, log } = this.#deps;
    const acceptedAt = clock.now();
    this.#requestedBytes = maxBytes;
    const offers = await node.requestContracts(token, { maxBytes, signal });
    if (offers.length === 0) {
      log.debug('no contract offered', { maxBytes });
      // The node may have no chunk that is small enough for what is left.
      return { waitsFor: this.#findLackOfSpace(contracts.chunkSizes?.smallest ?? 0) ?? 'no_offer' };
    }
    // The token was replaced during the request: the contracts belong to the old one.
    if (session.token !== token) return { waitsFor: 'no_token' };
    session.resetTokenRejections();
    const results = await this.#acceptAll(offers, acceptedAt);
    return results.find(({ waitsFor }) => waitsFor !== undefined) ?? {};
  }

  /** The tags are stored first: a contract without its tag can't be proved. */
  async #acceptAll(offers: readonly Offer[], acceptedAt: Instant): Promise<RequestResult[]> {
    const { contracts, allContracts, tags, log } = this.#deps;
    const ids = new Set<ContractId>();
    const fresh = offers.filter(({ id }) => {
      const isNew = !allContracts.has(id) && !ids.has(id);
      // The contract that is already in the table is kept.
      if (!isNew) contracts.countRejection(id, 'duplicate');
      ids.add(id);
      return isNew;
    });
    const results: RequestResult[] = fresh.length < offers.length ? [{ waitsFor: 'offers_rejected' }] : [];
    const tagged = fresh.flatMap(({ id, tag, sizeBytes = contracts.chunkBytes }) =>
      tag === undefined ? [] : [{ id, sizeBytes, received: tag }],
    );
    try {
      const saved = tagged.length === 0 ? [] : await tags.save(tagged);
      const tagById = new Map(tagged.map(({ id }, at) => [id, saved[at]]));
      return [...results, ...this.#accept(fresh, acceptedAt, tagById)];
    } catch (error) {
      log.error('contracts not accepted: tags not stored', { count: tagged.length, error });
      return [...results, { waitsFor: 'not_stored' }];
    }
  }

  /** Contracts that can't be stored are not accepted. Listings show them as unknown, and they are released. */
  #accept(
    offers: readonly Offer[],
    acceptedAt: Instant,
    savedTags: ReadonlyMap<ContractId, SavedTag | undefined>,
  ): RequestResult[] {
    const { contracts, log } = this.#deps;
    const results: RequestResult[] = [];
    const accepted: NewContract[] = [];
    for (const { challenge, sizeBytes = contracts.chunkBytes, tag, ...terms } of offers) {
      const saved = savedTags.get(terms.id);
      if (saved === 'invalid') {
        contracts.countRejection(terms.id, 'invalid_tag');
        results.push({ waitsFor: 'offers_rejected' });
        continue;
      }
      const proof = tag?.scheme ?? 'digest';
      const { challengeCount } = saved ?? {};
      accepted.push({ terms: { ...terms, sizeBytes, challengeCount, proof, acceptedAt }, challenge });
    }
    try {
      contracts.add(accepted);
      for (const { terms } of accepted) {
        const { id, reference, intervalMs } = terms;
        log.debug('contract accepted', { contract: id, ...(reference !== id && { reference }), intervalMs });
      }
    } catch (error) {
      log.error('contracts not accepted: state write failed', { count: accepted.length, error });
      results.push({ waitsFor: 'not_stored' });
    }
    return results;
  }
}
