import { computeBackoffMs } from '@downstream/platform';
import type { Terms } from '../contract/contract.ts';
import { NodeError } from './errors.ts';
import type { NodeComponents, SharedDeps } from './node-components.ts';

type ContractAcceptorDeps = SharedDeps &
  Pick<NodeComponents, 'node' | 'session' | 'contracts' | 'nodeThroughput' | 'exitStore' | 'log'>;

const POLL_MS = 1_000;
const RETRY = { baseMs: 1_000, capMs: 30_000 };

/**
 * Requests contracts until the capacity is used, and replaces those that ended. It stops while too many chunks are
 * being generated, or when more contracts could not be stored or proved in time. It pauses with backoff after the node
 * has no contract, fails, or offers contracts that are rejected.
 */
export class ContractAcceptor {
  readonly #maxGenerating: number;
  readonly #deps: ContractAcceptorDeps;

  /** @param maxGenerating how many chunks may be generated at once */
  constructor({ maxGenerating }: { maxGenerating: number }, deps: ContractAcceptorDeps) {
    this.#maxGenerating = maxGenerating;
    this.#deps = deps;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { contracts, chunkWork, clock, random } = this.#deps;
    for (let failures = 0; !signal.aborted; ) {
      await chunkWork.waitForSizeBelow(this.#maxGenerating);
      if (!this.#wantsContract()) {
        await clock.sleep(POLL_MS, signal);
        continue;
      }
      const { accepted, retryAfterMs = 0 } = await this.#requestOne(signal);
      failures = accepted ? 0 : failures + 1;
      const attempt = Math.max(failures, contracts.consecutiveRejections);
      if (attempt > 0) await clock.sleep(Math.max(computeBackoffMs(RETRY, attempt, random), retryAfterMs), signal);
    }
  }

  #wantsContract(): boolean {
    const { contracts, allContracts, freeSpace, nodeThroughput, exitStore } = this.#deps;
    return (
      exitStore.exitState() === 'active' &&
      contracts.freeContracts > 0 &&
      contracts.phases.generating < this.#maxGenerating &&
      freeSpace.chunks > allContracts.generating + allContracts.requesting &&
      nodeThroughput.hasCapacity
    );
  }

  async #requestOne(signal: AbortSignal): Promise<{ accepted: boolean; retryAfterMs?: number | undefined }> {
    const { session, contracts, log } = this.#deps;
    const { token } = session;
    if (token === undefined) return { accepted: false };
    try {
      return { accepted: await contracts.whileRequesting(async () => await this.#requestWith(token, signal)) };
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      log.warn('contract request failed', { error });
      return { accepted: false, retryAfterMs: error.retryAfterMs };
    }
  }

  async #requestWith(token: string, signal: AbortSignal): Promise<boolean> {
    const { node, session, contracts, allContracts, clock, log } = this.#deps;
    const acceptedAt = clock.now();
    const offer = await node.requestContract(token, { signal });
    if (offer === undefined) {
      log.debug('no contract offered');
      return false;
    }
    // The token was replaced during the request: the contract belongs to the old one.
    if (session.token !== token) return false;
    session.resetTokenRejections();
    const { id, source, intervalMs, challenge } = offer;
    if (!allContracts.has(id)) return this.#accept({ id, source, intervalMs, acceptedAt }, challenge);
    // The contract that is already in the table is kept.
    contracts.countRejection(id, 'duplicate');
    return false;
  }

  /** A contract that can't be stored is not accepted. The next listings show it as unknown, and it is released. */
  #accept(terms: Terms, challenge: string): boolean {
    const { contracts, log } = this.#deps;
    try {
      contracts.add(terms, challenge);
      log.debug('contract accepted', { contract: terms.id, intervalMs: terms.intervalMs });
      return true;
    } catch (error) {
      log.error('contract not accepted: state write failed', { contract: terms.id, error });
      return false;
    }
  }
}
