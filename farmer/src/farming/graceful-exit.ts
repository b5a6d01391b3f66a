import { type Clock, computeBackoffMs, getErrorCode, type Logger, type Random } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';
import { NodeError } from './errors.ts';
import type { ExitStorePort, NodePort } from './ports.ts';
import type { Session } from './session.ts';

interface GracefulExitDeps {
  readonly node: Pick<NodePort, 'release'>;
  readonly session: Session;
  readonly contracts: ContractTable;
  /** Says whether a contract may be on its way to us. */
  readonly onboarder: { readonly isAsking: boolean };
  readonly leaving: ExitStorePort;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How leaving a node goes. */
export interface ExitProgress {
  readonly state: ReturnType<ExitStorePort['leaving']>;
  /** Contracts given back by this process. */
  readonly removed: number;
  /** Contracts still held. */
  readonly left: number;
  /** Why the node could not be told, when it was last tried in vain. */
  readonly lastError: string | undefined;
}

const POLL_MS = 1_000;
const PAUSE = { baseMs: 1_000, capMs: 60_000 };

/**
 * Leaves the node when the operator wants it: contract by contract the node is told, then the chunk is deleted. Those that are still held
 * go on being proved. Whatever interrupts it, it goes on where it was.
 */
export class GracefulExit {
  readonly #deps: GracefulExitDeps;
  #inTurn: ContractId[] = [];
  #removed = 0;
  #lastError: string | undefined;

  constructor(parts: GracefulExitDeps) {
    this.#deps = parts;
  }

  get progress(): ExitProgress {
    const { leaving, contracts } = this.#deps;
    return { state: leaving.leaving(), removed: this.#removed, left: contracts.size, lastError: this.#lastError };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { leaving, contracts, onboarder, clock, random } = this.#deps;
    for (let failures = 0; !signal.aborted; ) {
      const id = leaving.leaving() === 'leaving' ? this.#next() : undefined;
      if (id === undefined) {
        if (leaving.leaving() === 'leaving' && contracts.size === 0 && !onboarder.isAsking) this.#finish();
        await clock.sleep(POLL_MS, signal);
        continue;
      }
      failures = (await this.#remove(id, signal)) ? 0 : failures + 1;
      if (failures > 0) await clock.sleep(computeBackoffMs(PAUSE, failures, random), signal);
    }
  }

  /** Each in its turn, so that one that the node does not take back holds up no other. */
  #next(): ContractId | undefined {
    const { contracts } = this.#deps;
    if (this.#inTurn.length === 0) this.#inTurn = contracts.ids();
    for (let id = this.#inTurn.shift(); id !== undefined; id = this.#inTurn.shift()) {
      if (contracts.get(id) !== undefined) return id;
    }
    return undefined;
  }

  /** Where it can't be written down, it is tried again. */
  #finish(): void {
    const { leaving, log } = this.#deps;
    try {
      leaving.saveExitState('left');
      log.info('left the node', { removed: this.#removed });
    } catch (error) {
      log.error('state not written', { error });
    }
  }

  async #remove(id: ContractId, signal: AbortSignal): Promise<boolean> {
    const { node, session, contracts, log } = this.#deps;
    try {
      if (session.token !== undefined) await node.release(session.token, id, { signal });
    } catch (error) {
      if (!(error instanceof NodeError)) throw error;
      // Also where it says that it knows nothing of the contract, or of us: what its listings say is believed, after a while.
      this.#lastError = getErrorCode(error);
      log.warn('contract not given back to the node', { contract: id, error });
      return false;
    }
    await contracts.end(id, 'released');
    this.#removed += 1;
    this.#lastError = undefined;
    return true;
  }
}
