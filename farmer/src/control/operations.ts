import { type Clock, CodedError } from '@downstream/platform';
import type { ContractId } from '../contract/contract.ts';
import type { JournalEntry } from '../contract/journal-entry.ts';
import type { Farmer } from '../farming/farmer.ts';
import { createContractReport } from './contract-report.ts';
import {
  type BackupReport,
  type ContractReport,
  DEFAULT_ENTRIES,
  type ExitReport,
  type Operations,
  type ScrubReport,
} from './reports.ts';

/** A command can't be done as it was given. */
export class OperationError extends CodedError<'no_such_node'> {}

export interface OperationsDeps {
  readonly farmer: Farmer;
  readonly store: {
    readonly journal: {
      of(id: ContractId, limit: number): JournalEntry[];
      find(prefix: string): ContractId | undefined;
    };
    backup(path: string): Promise<number>;
  };
  readonly disks: { find(id: ContractId): { readonly path: string } | undefined };
  readonly clock: Clock;
}

const ID = /^[0-9a-f]{6,64}$/;

/** What commands, and `/status/contracts`, can ask of the farmer that runs. */
export class FarmerOperations implements Operations {
  readonly #deps: OperationsDeps;

  constructor(parts: OperationsDeps) {
    this.#deps = parts;
  }

  explain(given: string, last = DEFAULT_ENTRIES): ContractReport | undefined {
    const { farmer, store, disks, clock } = this.#deps;
    const id = ID.test(given) ? store.journal.find(given) : undefined;
    if (id === undefined) return undefined;
    const node = farmer.nodes.find(({ contracts }) => contracts.has(id));
    const contract = node?.contracts.get(id);
    const holding = node && contract && { contract, node: node.alias, disk: disks.find(id)?.path };
    return createContractReport(id, { holding, entries: store.journal.of(id, last) }, clock);
  }

  startScrub(): ScrubReport {
    this.#deps.farmer.scrubber.start();
    return this.scrub();
  }

  scrub(): ScrubReport {
    const { scrubber, nodes } = this.#deps.farmer;
    const { running, done, total, results } = scrubber.progress;
    const rebuilding = nodes.reduce((sum, { contracts }) => sum + contracts.phases.generating, 0);
    return { running, done, total, results, rebuilding };
  }

  leave(alias?: string): ExitReport {
    for (const node of this.#named(alias)) node.leave();
    return this.leaving();
  }

  stay(alias?: string): ExitReport {
    for (const node of this.#named(alias)) node.stay();
    return this.leaving();
  }

  leaving(): ExitReport {
    const nodes = this.#deps.farmer.nodes.map(({ alias, leaving: { lastError, ...progress } }) => ({
      alias,
      ...progress,
      lastError: lastError ?? null,
    }));
    return { nodes };
  }

  async backup(path: string): Promise<BackupReport> {
    return { path, bytes: await this.#deps.store.backup(path) };
  }

  #named(alias: string | undefined): Farmer['nodes'] {
    const { nodes } = this.#deps.farmer;
    const found = alias === undefined ? nodes : nodes.filter((node) => node.alias === alias);
    if (found.length > 0) return found;
    const known = nodes.map((node) => node.alias).join(', ');
    throw new OperationError('no_such_node', `there is no node ${alias}: this farmer farms for ${known}`);
  }
}
