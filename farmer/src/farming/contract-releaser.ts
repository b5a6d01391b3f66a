import type { Logger } from '@downstream/platform';
import { NodeError, type NodeErrorCode } from './errors.ts';
import type { NodeContract, NodePort } from './ports.ts';
import type { Session } from './session.ts';

interface ContractReleaserDeps {
  readonly node: Pick<NodePort, 'release' | 'traits'>;
  readonly session: Pick<Session, 'token'>;
  readonly log: Logger;
}

/** Its chunk can't be created, it is not in this farmer's table, or the operator exits the node. */
export type ReleaseReason = 'rejected' | 'unknown' | 'exit';

export type ReleaseResult =
  | { readonly result: 'released' }
  /** There is no token, so the node has no contracts of this farmer. */
  | { readonly result: 'no_token' }
  /** The node's API has no releases: the contract ends when a challenge is not answered. */
  | { readonly result: 'unsupported' }
  /** The farmer stops. The node may have released the contract or not. */
  | { readonly result: 'aborted' }
  | { readonly result: 'failed'; readonly code: NodeErrorCode };

/**
 * Asks the node to remove a contract from this farmer. Each call makes one attempt and logs a failure. Then the node
 * keeps the contract: the graceful exit tries again, and the refresher releases every contract that the node lists and
 * the farmer no longer has.
 */
export class ContractReleaser {
  readonly #deps: ContractReleaserDeps;

  constructor(deps: ContractReleaserDeps) {
    this.#deps = deps;
  }

  /** Never throws a `NodeError`, nor the signal's reason. */
  async release(contract: NodeContract, reason: ReleaseReason, signal: AbortSignal): Promise<ReleaseResult> {
    const { node, session, log } = this.#deps;
    if (session.token === undefined) return { result: 'no_token' };
    if (!node.traits.canRelease) return { result: 'unsupported' };
    try {
      await node.release(session.token, contract, { signal });
      return { result: 'released' };
    } catch (error) {
      if (signal.aborted) return { result: 'aborted' };
      if (!(error instanceof NodeError)) throw error;
      log.warn('contract release failed', { contract: contract.id, reason, error });
      return { result: 'failed', code: error.code };
    }
  }
}
