import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { InteropRun } from './interop-run.ts';
import { type Options, parseOptions, UsageError } from './options.ts';
import { createTable } from './report.ts';

/**
 * `npm run interop -- --node 'NAME=URL COMMAND' --farmer 'NAME=COMMAND' …`: runs nodes and farmers side by side and
 * prints what the nodes counted and what the farmers used. docs/interoperability.md explains it. Exits with 1 if a
 * farmer fails. Ctrl-C ends the run early.
 */
const options = readOptions();
const folder = options.folder === undefined ? mkdtempSync(join(tmpdir(), 'interop-')) : resolve(options.folder);
mkdirSync(folder, { recursive: true });
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

const run = new InteropRun(options, { folder, log: (text) => console.log(`interop: ${text}`) });
try {
  const results = await run.run(interrupted.signal);
  const farmers = results.map(({ farmer, views }) => {
    const { name, usage, starts, result } = farmer;
    return { name, usage, starts, result, views };
  });
  for (const line of createTable(farmers)) console.log(line);
  if (farmers.some(({ result }) => result !== undefined && result !== 0)) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await run.stop();
}
if (process.exitCode === 1 || options.folder !== undefined) console.log(`interop: data and logs are in ${folder}`);
else rmSync(folder, { recursive: true });

function readOptions(): Options {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exit(2);
  }
}
