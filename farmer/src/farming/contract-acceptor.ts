import { computeBackoffMs } from '@downstream/platform';
import type { Terms } from '../contract/contract.ts';
import type { WaitReason } from '../contract/waiting.ts';
import { NodeError } from './errors.ts';
import type { NodeComponents, SharedDeps } from './node-components.ts';

type ContractAcceptorDeps = SharedDeps &
  Pick<NodeComponents, 'node' | 'session' | 'contracts' | 'nodeThroughput' | 'exitStore' | 'log'>;

const POLL_MS = 1_000;
const RETRY = { baseMs: 1_000, capMs: 30_000 };

/** What came of a request. `waitsFor` is undefined if a contract was accepted. */
interface RequestResult {
  readonly waitsFor?: WaitReason;
  readonly retryAfterMs?: number | undefined;
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

  /** @param maxGenerating how many chunks may be generated at once */
  constructor({ maxGenerating }: { maxGenerating: number }, deps: ContractAcceptorDeps) {
    this.#maxGenerating = maxGenerating;
    this.#deps = deps;
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
    const { session, contracts, capacity, allContracts, freeSpace, nodeThroughput, exitStore } = this.#deps;
    const exitState = exitStore.exitState();
    if (exitState !== 'active') return exitState;
    if (session.token === undefined) return 'no_token';
    if (contracts.size >= capacity.get(contracts)) return 'share_used';
    if (allContracts.size + allContracts.requesting >= capacity.total) return 'capacity_used';
    if (freeSpace.chunks <= allContracts.generating + allContracts.requesting) return 'no_space';
    if (!nodeThroughput.hasCapacity) return 'too_slow';
    if (contracts.phases.generating >= this.#maxGenerating) return 'generating';
    return undefined;
  }

  async #requestOne(token: string, signal: AbortSignal): Promise<RequestResult> {
    const { contracts, log } = this.#deps;
    try {
      return await contracts.whileRequesting(async () => await this.#requestWith(token, signal));
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      // The circuit breaker reports when it opens.
      if (error.code !== 'circuit_open') log.warn('contract request failed', { error });
      return { waitsFor: 'request_failed', retryAfterMs: error.retryAfterMs };
    }
  }

  async #requestWith(token: string, signal: AbortSignal): Promise<RequestResult> {
    const { node, session, contracts, allContracts, clock, log } = this.#deps;
    const acceptedAt = clock.now();
    const offer = await node.requestContract(token, { signal });
    if (offer === undefined) {
      log.debug('no contract offered');
      return { waitsFor: 'no_offer' };
    }
    // The token was replaced during the request: the contract belongs to the old one.
    if (session.token !== token) return { waitsFor: 'no_token' };
    session.resetTokenRejections();
    const { id, source, intervalMs, challenge } = offer;
    if (!allContracts.has(id)) return this.#accept({ id, source, intervalMs, acceptedAt }, challenge);
    // The contract that is already in the table is kept.
    contracts.countRejection(id, 'duplicate');
    return { waitsFor: 'offers_rejected' };
  }

  /** A contract that can't be stored is not accepted. The next listings show it as unknown, and it is released. */
  #accept(terms: Terms, challenge: string): RequestResult {
    const { contracts, log } = this.#deps;
    try {
      contracts.add(terms, challenge);
      log.debug('contract accepted', { contract: terms.id, intervalMs: terms.intervalMs });
      return {};
    } catch (error) {
      log.error('contract not accepted: state write failed', { contract: terms.id, error });
      return { waitsFor: 'not_stored' };
    }
  }
}
