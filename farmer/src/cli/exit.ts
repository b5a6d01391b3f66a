import { setTimeout as pause } from 'node:timers/promises';
import type { CommandConfig } from '../config.ts';
import { ControlError } from '../control/control-client.ts';
import { type ExitReport, exitReport } from '../control/reports.ts';
import { describeUnknownNode } from '../control/unknown-node.ts';
import { confirm } from './confirm.ts';
import { POLL_INTERVAL_MS, type Print, requireFarmer } from './running-farmer.ts';

export interface ExitOptions {
  /** Alias of one node; all nodes by default. */
  readonly node?: string | undefined;
  readonly cancel: boolean;
  /** Skips the confirmation. */
  readonly yes: boolean;
  /** Prints only the last report, as JSON. */
  readonly json: boolean;
}

/**
 * `downstream exit`: releases all contracts, and waits for the end of those that cannot be released. When interrupted,
 * the farmer continues.
 */
export async function exitNodes(
  config: CommandConfig,
  { node, cancel, yes, json }: ExitOptions,
  print: Print,
): Promise<number> {
  const client = requireFarmer(config, 'downstream exit');
  const body = node === undefined ? {} : { node };
  const printText = json ? () => {} : print;
  const printJson = (last: ExitReport) => {
    if (json) print(JSON.stringify({ nodes: selectNodes(last, node) }, null, 2));
  };
  if (cancel) {
    printJson(await client.ask('DELETE', '/exit', exitReport, body));
    printText('exit cancelled: the farmer accepts contracts again');
    return 0;
  }
  let report = await client.ask('GET', '/exit', exitReport);
  const aliases = report.nodes.map(({ alias }) => alias);
  if (node !== undefined && !aliases.includes(node)) {
    throw new ControlError('rejected', describeUnknownNode(node, aliases));
  }
  if (!yes && !(await confirm('exit', formatQuestion(selectNodes(report, node))))) {
    printJson(report);
    printText('not confirmed: nothing was changed');
    return 2;
  }
  report = await client.ask('POST', '/exit', exitReport, body);
  for (let printed = ''; ; ) {
    const progress = selectNodes(report, node).map(formatProgress).join('; ');
    if (progress !== printed) printText(progress);
    printed = progress;
    if (selectNodes(report, node).every(({ state }) => state !== 'exiting')) break;
    await pause(POLL_INTERVAL_MS);
    report = await client.ask('GET', '/exit', exitReport);
  }
  printJson(report);
  const cancelled = selectNodes(report, node).filter(({ state }) => state === 'active');
  if (cancelled.length > 0) {
    printText(`exit from ${joinAliases(cancelled)} was cancelled by another command`);
    return 1;
  }
  const others = report.nodes.filter(({ state }) => state !== 'exited');
  printText(
    others.length === 0
      ? 'exit complete: you can stop the farmer and delete its data directory'
      : `exit from ${joinAliases(selectNodes(report, node))} complete; keep the data directory, because contracts remain (${others.map(({ alias, remaining }) => `${alias}: ${remaining}`).join(', ')})`,
  );
  return 0;
}

type NodeExit = ExitReport['nodes'][number];

function selectNodes({ nodes }: ExitReport, node: string | undefined): NodeExit[] {
  return nodes.filter(({ alias }) => node === undefined || alias === node);
}

function joinAliases(nodes: readonly NodeExit[]): string {
  return nodes.map(({ alias }) => alias).join(', ');
}

function formatQuestion(nodes: readonly NodeExit[]): string {
  const count = (selected: readonly NodeExit[]) => selected.reduce((sum, { remaining }) => sum + remaining, 0);
  const proved = nodes.filter(({ canRelease }) => !canRelease);
  const release = `Release ${count(nodes.filter(({ canRelease }) => canRelease))} contracts and delete their chunks?`;
  if (proved.length === 0) return release;
  const prove = `${count(proved)} contracts of ${joinAliases(proved)} cannot be released: they are proved until they end.`;
  return `${prove} ${proved.length === nodes.length ? 'Accept no more contracts?' : release}`;
}

function formatProgress({ alias, released, remaining, canRelease, lastError }: NodeExit): string {
  if (!canRelease) return `${alias}: contracts cannot be released, ${remaining} are proved until they end`;
  const retry = lastError === null ? '' : ` (retrying after ${lastError})`;
  return `${alias}: ${released} contracts released since the farmer started, ${remaining} remaining${retry}`;
}
