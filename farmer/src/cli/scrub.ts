import { setTimeout as pause } from 'node:timers/promises';
import type { CommandConfig } from '../config.ts';
import { type ScrubReport, scrubReport } from '../control/reports.ts';
import { POLL_INTERVAL_MS, type Print, requireFarmer } from './running-farmer.ts';

/**
 * `downstream scrub`: verifies every chunk now.
 *
 * @param options `json`: print only the last report, as JSON
 * @returns 1 if a chunk is damaged or missing
 */
export async function scrub(config: CommandConfig, { json }: { json: boolean }, print: Print): Promise<number> {
  const client = requireFarmer(config, 'downstream scrub');
  const printText = json ? () => {} : print;
  let report = await client.ask('POST', '/scrub', scrubReport);
  printText(`verifying ${report.total} ${report.total === 1 ? 'chunk' : 'chunks'}`);
  for (let printedTenths = 0; report.running; ) {
    await pause(POLL_INTERVAL_MS);
    report = await client.ask('GET', '/scrub', scrubReport);
    const tenths = report.total === 0 ? 10 : Math.floor((10 * report.done) / report.total);
    if (tenths > printedTenths && report.running) printText(`${report.done} of ${report.total} chunks read`);
    printedTenths = tenths;
  }
  print(json ? JSON.stringify(report, null, 2) : formatResult(report));
  return report.results.ok === report.total ? 0 : 1;
}

function formatResult({ total, results: { ok, corrupt, unreadable, slow } }: ScrubReport): string {
  const damaged = corrupt + unreadable + slow;
  if (ok === total) return `all chunks are intact (${ok} of ${total})`;
  if (damaged === 0) {
    return `${ok} of ${total} chunks are intact; the others are being generated, or their contracts have ended`;
  }
  return `${damaged} of ${total} chunks are damaged (corrupt: ${corrupt}, missing or unreadable: ${unreadable}, too slow to read: ${slow}) and are being rebuilt; check the disk`;
}
