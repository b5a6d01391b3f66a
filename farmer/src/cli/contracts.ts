import { CodedError, formatBytes } from '@downstream/platform';
import type { CommandConfig } from '../config.ts';
import { FAILURE_REASONS, OUTCOMES } from '../contract/contract.ts';
import { type ContractRow, contractListHeader, contractRow } from '../control/contract-row.ts';
import { describeUnknownNode } from '../control/unknown-node.ts';
import { formatLabel } from '../page/format.ts';
import { formatTable } from '../page/text-layout.ts';
import { requireFarmer, type Write } from './running-farmer.ts';

export const SORT_KEYS = ['deadline', 'id', 'node', 'disk', 'size', 'phase', 'result'] as const;
type SortKey = (typeof SORT_KEYS)[number];

/** `failed` stands for every reason of a failure, `none` for no result. */
export const RESULT_FILTERS = [...OUTCOMES, 'failed', 'none'] as const;

export interface ContractsOptions {
  readonly node?: string | undefined;
  readonly disk?: string | undefined;
  readonly phase?: ContractRow['phase'] | undefined;
  readonly result?: (typeof RESULT_FILTERS)[number] | undefined;
  readonly sort: SortKey;
  readonly reverse?: boolean | undefined;
  /** Maximum number of contracts. */
  readonly limit?: number | undefined;
  readonly json?: boolean | undefined;
}

/** A filter names a node or a disk that this farmer does not have. */
class FilterError extends CodedError<'unknown_node' | 'unknown_disk'> {}

const COLUMNS: Readonly<Record<SortKey, (row: ContractRow) => string>> = {
  deadline: ({ dueAt }) => dueAt,
  id: ({ contract }) => contract,
  node: ({ node }) => node,
  disk: ({ disk }) => disk ?? '',
  size: ({ sizeBytes }) => String(sizeBytes).padStart(MAX_DIGITS, '0'),
  phase: ({ phase }) => phase,
  result: ({ lastResult }) => lastResult ?? '',
};
/** Enough to distinguish contracts, and for `downstream explain`. */
const ID_LENGTH = 12;
const MAX_DIGITS = String(Number.MAX_SAFE_INTEGER).length;
const LINES_PER_WRITE = 1_000;

/** `downstream contracts`: lists the contracts of a running farmer. @throws ControlError, FilterError */
export async function contracts(config: CommandConfig, options: ContractsOptions, write: Write): Promise<number> {
  const client = requireFarmer(config, 'downstream contracts');
  const { header, rows } = await client.askForRows('/contracts', { header: contractListHeader, row: contractRow });
  checkFilters(options, header);
  const selected = sort(rows.filter(createFilter(options)), options).slice(0, options.limit);
  const lines = options.json ? formatJson(selected) : formatText(selected, rows.length);
  for (let at = 0; at < lines.length; at += LINES_PER_WRITE) {
    if (!(await write(`${lines.slice(at, at + LINES_PER_WRITE).join('\n')}\n`))) break;
  }
  return 0;
}

function checkFilters({ node, disk }: ContractsOptions, known: { nodes: string[]; disks: string[] }): void {
  if (node !== undefined && !known.nodes.includes(node)) {
    throw new FilterError('unknown_node', `--node: ${describeUnknownNode(node, known.nodes)}`);
  }
  if (disk !== undefined && !known.disks.includes(disk)) {
    throw new FilterError('unknown_disk', `--disk: unknown disk ${disk}: this farmer has ${known.disks.join(', ')}`);
  }
}

function createFilter({ node, disk, phase, result }: ContractsOptions): (row: ContractRow) => boolean {
  const hasResult = ({ lastResult }: ContractRow) => {
    if (result === undefined) return true;
    if (result === 'none') return lastResult === null;
    return result === 'failed' ? FAILURE_REASONS.some((reason) => reason === lastResult) : lastResult === result;
  };
  return (row) =>
    (node === undefined || row.node === node) &&
    (disk === undefined || row.disk === disk) &&
    (phase === undefined || row.phase === phase) &&
    hasResult(row);
}

/** Contracts with equal values are in the order of their deadlines. */
function sort(rows: readonly ContractRow[], { sort: key, reverse }: ContractsOptions): ContractRow[] {
  const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  const direction = reverse ? -1 : 1;
  const read = COLUMNS[key];
  return rows.toSorted((a, b) => direction * compare(read(a), read(b)) || compare(a.dueAt, b.dueAt));
}

/** A JSON array with a contract in each line. */
function formatJson(rows: readonly ContractRow[]): string[] {
  const lines = rows.map((row, at) => `${JSON.stringify(row)}${at < rows.length - 1 ? ',' : ''}`);
  return ['[', ...lines, ']'];
}

function formatText(rows: readonly ContractRow[], total: number): string[] {
  if (total === 0) return ['no contracts'];
  if (rows.length === 0) return [`none of ${total} contracts matches`];
  const cells = rows.map(({ contract, node, disk, sizeBytes, phase, lastResult, dueAt }) => [
    contract.slice(0, ID_LENGTH),
    node,
    disk ?? '–',
    formatBytes(sizeBytes),
    phase,
    lastResult === null ? '–' : formatLabel(lastResult),
    `${dueAt.slice(0, 19)}Z`,
  ]);
  return [
    ...formatTable(['contract', 'node', 'disk', 'size', 'phase', 'last result', 'deadline (UTC)'], cells),
    `${rows.length} of ${total} contracts`,
  ];
}
