import { type Clock, CodedError } from '@downstream/platform';
import type { DiskReplacement } from '../chunks/disk-replacement.ts';
import type { ContractId } from '../contract/contract.ts';
import type { JournalEntry } from '../contract/journal-entry.ts';
import type { Farmer } from '../farming/farmer.ts';
import { createContractReport } from './contract-report.ts';
import { type ContractList, type ContractRow, createContractRow } from './contract-row.ts';
import { ContractIdError, findContract } from './find-contract.ts';
import {
  type BackupReport,
  type ContractReport,
  DEFAULT_ENTRIES,
  type ExitReport,
  type Operations,
  type ReplacementReport,
  type ReplacementRequest,
  type ScrubReport,
} from './reports.ts';
import { describeUnknownNode } from './unknown-node.ts';

/** A command cannot be performed. */
export class OperationError extends CodedError<'no_such_node'> {}

export interface OperationsDeps {
  readonly farmer: Farmer;
  readonly store: {
    readonly journal: {
      list(id: ContractId, limit: number): JournalEntry[];
      findContracts(prefix: string, limit: number): ContractId[];
    };
    backup(path: string, addTags: (copyPath: string) => Promise<void>): Promise<number>;
  };
  readonly tags: { addToBackup(path: string): Promise<void> };
  readonly disks: {
    readonly list: readonly { readonly path: string }[];
    find(id: ContractId): { readonly path: string } | undefined;
  };
  readonly replacement: Pick<DiskReplacement, 'check' | 'replace' | 'find'>;
  readonly clock: Clock;
}

/** Implements the commands and `/status/contracts`. */
export class FarmerOperations implements Operations {
  readonly #deps: OperationsDeps;

  constructor(deps: OperationsDeps) {
    this.#deps = deps;
  }

  listContracts(): ContractList {
    const { farmer, disks } = this.#deps;
    return {
      nodes: farmer.nodes.map(({ alias }) => alias),
      disks: disks.list.map(({ path }) => path),
      rows: this.#createRows(),
    };
  }

  *#createRows(): Generator<ContractRow> {
    const { farmer, disks, clock } = this.#deps;
    for (const { alias: node, contracts } of farmer.nodes) {
      for (const id of contracts.ids()) {
        const contract = contracts.get(id);
        if (contract !== undefined) yield createContractRow({ contract, node, disk: disks.find(id)?.path }, clock);
      }
    }
  }

  explain(prefix: string, last = DEFAULT_ENTRIES): ContractReport | ContractIdError {
    const { farmer, store, disks, clock } = this.#deps;
    const id = findContract(store.journal, prefix);
    if (id instanceof ContractIdError) return id;
    const node = farmer.nodes.find(({ contracts }) => contracts.has(id));
    const contract = node?.contracts.get(id);
    const holding = node && contract && { contract, node: node.alias, disk: disks.find(id)?.path };
    return createContractReport(id, { holding, entries: store.journal.list(id, last) }, clock);
  }

  startScrub(): ScrubReport {
    this.#deps.farmer.scrubber.start();
    return this.getScrub();
  }

  getScrub(): ScrubReport {
    const { scrubber, contracts } = this.#deps.farmer;
    const { running, done, total, results } = scrubber.progress;
    return { running, done, total, results, rebuilding: contracts.generating };
  }

  startExit(alias?: string): ExitReport {
    for (const node of this.#select(alias)) node.exit.start();
    return this.getExit();
  }

  cancelExit(alias?: string): ExitReport {
    for (const node of this.#select(alias)) node.exit.cancel();
    return this.getExit();
  }

  getExit(): ExitReport {
    const nodes = this.#deps.farmer.nodes.map(({ alias, exit: { progress } }) => ({
      alias,
      ...progress,
      lastError: progress.lastError ?? null,
    }));
    return { nodes };
  }

  async backup(path: string): Promise<BackupReport> {
    const { store, tags } = this.#deps;
    return { path, bytes: await store.backup(path, async (copy) => await tags.addToBackup(copy)) };
  }

  async replaceDisk({ path, dryRun, ...options }: ReplacementRequest): Promise<ReplacementReport> {
    const { replacement, farmer } = this.#deps;
    const fileSystem = await replacement.check(path, options);
    const disk = dryRun ? replacement.find(path) : await replacement.replace(path, options);
    const { state, reason = null } = disk;
    return { path, ...fileSystem, state: state.kind, reason, rebuilding: farmer.contracts.generating };
  }

  #select(alias: string | undefined): Farmer['nodes'] {
    const { nodes } = this.#deps.farmer;
    const found = alias === undefined ? nodes : nodes.filter((node) => node.alias === alias);
    if (found.length > 0) return found;
    const known = nodes.map((node) => node.alias);
    throw new OperationError('no_such_node', describeUnknownNode(alias ?? '', known));
  }
}
