import { type Clock, type Logger, waitAtMost } from '@downstream/platform';
import pLimit from 'p-limit';
import type { ContractId } from '../contract/contract.ts';
import type { ContractTable } from './contract-table.ts';
import type { ContractTables } from './contract-tables.ts';
import type { ChunkPort, EndReason, RejectionReason, TagPort } from './ports.ts';

interface ContractRemoverDeps {
  readonly table: Pick<ContractTable, 'get' | 'countEnd' | 'countRejection' | 'remove'>;
  /** The contracts of all nodes, several of which may have issued the same chunk. */
  readonly allContracts: Pick<ContractTables, 'needsChunk'>;
  readonly chunks: Pick<ChunkPort, 'remove'>;
  readonly tags: Pick<TagPort, 'remove'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A chunk that is not deleted in time, because its disk hangs, is deleted at the next start. */
const DELETE_TIMEOUT_MS = 5_000;
const DELETION_CONCURRENCY = 4;

/** Removes contracts together with their chunks. Never throws: logs a failed deletion. */
export class ContractRemover {
  readonly #deps: ContractRemoverDeps;
  readonly #deletions = pLimit(DELETION_CONCURRENCY);

  constructor(deps: ContractRemoverDeps) {
    this.#deps = deps;
  }

  /** Removes a contract whose chunk can't be created. */
  async reject(id: ContractId, reason: RejectionReason): Promise<void> {
    this.#deps.table.countRejection(id, reason);
    await this.#remove(id);
  }

  /** Removes a contract that is over. */
  async end(id: ContractId, reason: EndReason): Promise<void> {
    if (this.#deps.table.get(id) === undefined) return;
    this.#deps.table.countEnd(id, reason);
    await this.#remove(id);
  }

  /** A tag that can't be removed now is removed at the next start. */
  async #remove(id: ContractId): Promise<void> {
    const { table, tags, log } = this.#deps;
    const hasTag = table.get(id)?.terms.proof !== 'digest';
    await table.remove(id, async () => await this.deleteChunk(id));
    if (!hasTag) return;
    try {
      tags.remove(id);
    } catch (error) {
      log.error('tag deletion failed', { contract: id, error });
    }
  }

  /** Deletes a chunk unless a contract of any node needs it. */
  async deleteChunk(id: ContractId): Promise<void> {
    const { allContracts, chunks, clock, log } = this.#deps;
    try {
      await this.#deletions(async () => {
        if (!allContracts.needsChunk(id)) await waitAtMost(DELETE_TIMEOUT_MS, chunks.remove(id), clock);
      });
    } catch (error) {
      log.error('chunk deletion failed', { contract: id, error });
    }
  }
}
