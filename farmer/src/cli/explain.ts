import { systemClock } from '@downstream/platform';
import type { CommandConfig } from '../config.ts';
import { createContractReport } from '../control/contract-report.ts';
import { ControlError } from '../control/control-client.ts';
import { ContractIdError, findContract } from '../control/find-contract.ts';
import { type ContractReport, contractReport } from '../control/reports.ts';
import type { Journal } from '../state/journal.ts';
import { EXIT } from './exit-codes.ts';
import { askOrRead, type Print } from './running-farmer.ts';

interface ExplainOptions {
  /** The contract's id, or a unique prefix of it. */
  readonly id: string;
  /** Maximum number of challenges. */
  readonly last: number;
  /** Prints the report as JSON. */
  readonly json: boolean;
}

/**
 * `downstream explain CONTRACT`: prints why its challenges passed or failed.
 *
 * @returns `EXIT.FINDING` unless exactly one contract has such an id
 */
export async function explain(config: CommandConfig, options: ExplainOptions, print: Print): Promise<number> {
  try {
    const report = await askOrRead(config, {
      ask: async (client) => {
        const path = `/explain/${encodeURIComponent(options.id)}?last=${options.last}`;
        return await client.ask('GET', path, contractReport);
      },
      read: (state) => readJournal(state.journal, options),
    });
    if (options.json) print(JSON.stringify(report, null, 2));
    else printReport(report, print);
    return EXIT.OK;
  } catch (error) {
    if (!isNotFound(error)) throw error;
    print(error.message);
    return EXIT.FINDING;
  }
}

function printReport(report: ContractReport, print: Print): void {
  const { contract, reference, node, phase, dueAt, disk, journal } = report;
  print(`contract ${contract}`);
  if (phase !== null) {
    // A node that names its contracts differently does not know the id.
    const name = reference !== null && reference !== contract && `named ${reference} by the node`;
    const facts = [phase, `due ${dueAt}`, node && `node ${node}`, name, disk && `disk ${disk}`];
    print(`  ${facts.filter(Boolean).join(', ')}`);
  }
  if (journal.length === 0) print('  no challenges in the journal');
  for (const { settledAt, sentence } of journal) print(`  ${settledAt}  ${sentence}`);
}

/** @throws ContractIdError */
function readJournal(journal: Journal, { id: prefix, last }: ExplainOptions): ContractReport {
  const id = findContract(journal, prefix);
  if (id instanceof ContractIdError) throw id;
  return createContractReport(id, { holding: undefined, entries: journal.list(id, last) }, systemClock);
}

function isNotFound(error: unknown): error is ControlError | ContractIdError {
  if (error instanceof ContractIdError) return error.code !== 'invalid_id';
  return error instanceof ControlError && error.code === 'not_found';
}
