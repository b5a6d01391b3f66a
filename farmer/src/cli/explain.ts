import { systemClock } from '@downstream/platform';
import type { CommandConfig } from '../config.ts';
import { createContractReport } from '../control/contract-report.ts';
import { type ControlClient, ControlError } from '../control/control-client.ts';
import { CONTRACT_ID_PREFIX, type ContractReport, contractReport } from '../control/reports.ts';
import type { Journal } from '../state/journal.ts';
import { askOrRead, type Print } from './running-farmer.ts';

interface ExplainOptions {
  /** The contract's id, or a unique prefix of it. */
  readonly id: string;
  /** Maximum number of challenges. */
  readonly last: number;
}

/** `downstream explain CONTRACT`: prints why its challenges passed or failed. @returns 1 if the contract is unknown */
export async function explain(config: CommandConfig, options: ExplainOptions, print: Print): Promise<number> {
  const report = await askOrRead(config, {
    ask: async (client) => await askFarmer(client, options),
    read: (state) => readJournal(state.journal, options),
  });
  if (report === undefined) {
    print(`no unique contract id starts with ${options.id}: pass at least 6 characters`);
    return 1;
  }
  const { contract, node, phase, dueAt, disk, journal } = report;
  print(`contract ${contract}`);
  if (phase !== null) {
    print(`  ${[phase, `due ${dueAt}`, node && `node ${node}`, disk && `disk ${disk}`].filter(Boolean).join(', ')}`);
  }
  if (journal.length === 0) print('  no challenges in the journal');
  for (const { settledAt, sentence } of journal) print(`  ${settledAt}  ${sentence}`);
  return 0;
}

async function askFarmer(client: ControlClient, { id, last }: ExplainOptions): Promise<ContractReport | undefined> {
  try {
    return await client.ask('GET', `/explain/${encodeURIComponent(id)}?last=${last}`, contractReport);
  } catch (error) {
    if (error instanceof ControlError && error.code === 'not_found') return undefined;
    throw error;
  }
}

function readJournal(journal: Journal, { id: prefix, last }: ExplainOptions): ContractReport | undefined {
  const id = CONTRACT_ID_PREFIX.test(prefix) ? journal.findContract(prefix) : undefined;
  if (id === undefined) return undefined;
  return createContractReport(id, { holding: undefined, entries: journal.list(id, last) }, systemClock);
}
