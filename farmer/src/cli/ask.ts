import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '@downstream/platform';
import type { CommandConfig } from '../config.ts';
import { createContractReport } from '../control/contract-report.ts';
import { ControlClient, ControlError } from '../control/control-client.ts';
import { CONTROL_SOCKET } from '../control/control-server.ts';
import {
  backupReport,
  type ContractReport,
  contractReport,
  type ExitReport,
  exitReport,
  type ScrubReport,
  scrubReport,
} from '../control/reports.ts';
import type { Journal } from '../state/journal.ts';
import { StateReader } from '../state/state-reader.ts';

/** The commands that ask the farmer that runs on a data directory, or, where none does, read its state. */

type Print = (line: string) => void;

const POLL_INTERVAL_MS = 500;

const createClient = ({ dataDir }: CommandConfig) => new ControlClient(join(dataDir, CONTROL_SOCKET));

/** `downstream scrub`: reads every chunk now. @returns 1 where one is bad or missing */
export async function scrub(config: CommandConfig, print: Print): Promise<number> {
  const client = needing(config, 'downstream scrub needs the farmer that has the chunks');
  let report = await client.ask('POST', '/scrub', scrubReport);
  print(`reading ${report.total} ${report.total === 1 ? 'chunk' : 'chunks'} …`);
  for (let told = 0; report.running; ) {
    await pause(POLL_INTERVAL_MS);
    report = await client.ask('GET', '/scrub', scrubReport);
    const tenths = report.total === 0 ? 10 : Math.floor((10 * report.done) / report.total);
    if (tenths > told && report.running) print(`${report.done} of ${report.total} read`);
    told = tenths;
  }
  print(scrubbed(report));
  return report.results.sound === report.total ? 0 : 1;
}

function scrubbed({ total, results: { sound, corrupt, unreadable, slow } }: ScrubReport): string {
  const bad = corrupt + unreadable + slow;
  if (sound === total) return `all well: ${sound} of ${total} chunks read, and sound`;
  if (bad === 0) {
    return `${sound} of ${total} chunks read, and sound; the others are not there: they are being made, or their contracts are over`;
  }
  return `${bad} of ${total} chunks were bad (${corrupt} corrupt, ${unreadable} missing or unreadable, ${slow} too slow to read): they are made again; check the disk`;
}

export interface ExitCommand {
  readonly node?: string | undefined;
  readonly cancel: boolean;
  /** Whoever calls has confirmed it. */
  readonly yes: boolean;
}

/** `downstream exit`: gives all contracts back. Ends when that is done; interrupted, the farmer goes on with it. */
export async function leave(config: CommandConfig, { node, cancel, yes }: ExitCommand, print: Print): Promise<number> {
  const client = needing(config, 'downstream exit needs the farmer that holds the contracts');
  const wanted = node === undefined ? {} : { node };
  if (cancel) {
    await client.ask('DELETE', '/exit', exitReport, wanted);
    print('staying: contracts are taken again');
    return 0;
  }
  let report = await client.ask('GET', '/exit', exitReport);
  if (!yes && !(await confirmed(report, node))) {
    print('nothing was changed');
    return 2;
  }
  report = await client.ask('POST', '/exit', exitReport, wanted);
  const concerned = () => report.nodes.filter(({ alias }) => node === undefined || alias === node);
  for (let told = ''; ; ) {
    const now = concerned()
      .map(
        ({ alias, removed, left, lastError }) =>
          `${alias}: ${removed} given back, ${left} left${lastError === null ? '' : ` (${lastError}: trying again)`}`,
      )
      .join('; ');
    if (now !== told) print(now);
    told = now;
    if (concerned().every(({ state }) => state !== 'leaving')) break;
    await pause(POLL_INTERVAL_MS);
    report = await client.ask('GET', '/exit', exitReport);
  }
  const staying = concerned().filter(({ state }) => state === 'no');
  if (staying.length > 0) {
    print(`staying with ${staying.map(({ alias }) => alias).join(', ')}: the exit was cancelled meanwhile`);
    return 1;
  }
  const held = report.nodes.filter(({ state }) => state !== 'left');
  print(
    held.length === 0
      ? 'left: stop the farmer and delete its data directory whenever you like'
      : `left ${concerned()
          .map(({ alias }) => alias)
          .join(
            ', ',
          )}; ${held.map(({ alias, left }) => `${alias} still has contracts (${left})`).join(', ')}: the data directory is needed`,
  );
  return 0;
}

/** ExitState can't be undone for what was given back: a person is asked, a script must say that it is meant. */
async function confirmed({ nodes }: ExitReport, node: string | undefined): Promise<boolean> {
  if (!process.stdin.isTTY) throw new ControlError('refused', 'nobody is there to ask: say --yes if it is meant');
  const contracts = nodes
    .filter(({ alias }) => node === undefined || alias === node)
    .reduce((sum, { left }) => sum + left, 0);
  const line = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await line.question(`Give ${contracts} contracts back and delete their chunks? Type yes: `);
  line.close();
  return answer.trim() === 'yes';
}

/** `downstream backup FILE`: writes a consistent copy of the state, whether a farmer runs or not. */
export async function backup(config: CommandConfig, path: string, print: Print): Promise<number> {
  const { bytes } = await running(
    async () => await createClient(config).ask('POST', '/backup', backupReport, { path }),
    async () => ({ path, bytes: await withStateReader(config, async (state) => await state.backup(path)) }),
  );
  print(`${path}: ${bytes} bytes. It holds tokens and secrets: keep it like a key.`);
  return 0;
}

/** `downstream explain CONTRACT`: why its challenges came out as they did. @returns 1 where there is no such contract */
export async function explainContract(
  config: CommandConfig,
  { id, last }: { readonly id: string; readonly last: number },
  print: Print,
): Promise<number> {
  const report = await running(
    async () => await asked(config, id, last),
    async () => await withStateReader(config, async (state) => readFrom(state.journal(), id, last)),
  );
  if (report === undefined) {
    print(`no contract, or more than one, whose id begins with ${id}: give at least six characters of it`);
    return 1;
  }
  const { contract, node, phase, dueAt, disk, journal } = report;
  print(`contract ${contract}`);
  if (phase !== null)
    print(`  ${phase}, due ${dueAt}${node === null ? '' : `, of node ${node}`}${disk === null ? '' : `, in ${disk}`}`);
  if (journal.length === 0) print('  no challenge of it is in the journal');
  for (const { settledAt, sentence } of journal) print(`  ${settledAt}  ${sentence}`);
  return 0;
}

async function asked(config: CommandConfig, id: string, last: number): Promise<ContractReport | undefined> {
  try {
    return await createClient(config).ask('GET', `/explain/${encodeURIComponent(id)}?last=${last}`, contractReport);
  } catch (error) {
    if (error instanceof ControlError && error.code === 'not_found') return undefined;
    throw error;
  }
}

function readFrom(journal: Journal, given: string, last: number): ContractReport | undefined {
  const id = /^[0-9a-f]{6,64}$/.test(given) ? journal.find(given) : undefined;
  if (id === undefined) return undefined;
  return createContractReport(id, { holding: undefined, entries: journal.of(id, last) }, systemClock);
}

async function running<T>(ask: () => Promise<T>, without: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ControlError && error.code === 'not_running') return await without();
    throw error;
  }
}

/** The state of a farmer that does not run. */
async function withStateReader<T>({ dataDir }: CommandConfig, use: (state: StateReader) => Promise<T>): Promise<T> {
  const state = StateReader.open(dataDir, systemClock);
  if (state === undefined) {
    throw new ControlError(
      'not_running',
      `there is no farmer in ${dataDir}: say where it is with --data-dir (FARMER_DATA_DIR)`,
    );
  }
  try {
    return await use(state);
  } finally {
    state.close();
  }
}

/** A client that says what to do where no farmer runs. @param why the command needs one */
function needing(config: CommandConfig, why: string): Pick<ControlClient, 'ask'> {
  const client = createClient(config);
  return {
    ask: async (method, path, schema, body) => {
      try {
        return await client.ask(method, path, schema, body);
      } catch (error) {
        if (!(error instanceof ControlError && error.code === 'not_running')) throw error;
        throw new ControlError(
          'not_running',
          `${why}, and none runs in ${config.dataDir}: start it, or say where its data is with --data-dir (FARMER_DATA_DIR)`,
        );
      }
    },
  };
}
