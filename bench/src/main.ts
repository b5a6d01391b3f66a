import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measuresFor, NAMES } from './measures.ts';
import { isMet, type Result, table } from './result.ts';

/**
 * `npm run bench [-- [--json] [NAME…]]`: measures the built services and the farmer's own workers, each beside what this machine can
 * do, measured in the same run. With `--json` nothing but the results goes to the standard output. What runs beside it
 * on the machine shows in the figures.
 *
 * Ends with 0 where every figure asked for that has a bar meets it, with 1 where one does not, with 2 where the arguments are wrong.
 */
const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== '--json');
const unknown = names.filter((name) => !NAMES.includes(name));
if (unknown.length > 0) {
  console.error(`no such measure: ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'downstream-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const results: Result[] = [];
for (const measure of measuresFor(names)) {
  console.error(`measuring ${measure.names.join(', ')} …`);
  results.push(...(await measure.run(mkdtempSync(join(folder, 'measure-')))));
}
const asked = results.filter((each) => names.length === 0 || names.some((name) => each.name.startsWith(name)));
const bare = asked.map(({ name, value, unit, limit, ratio }) => ({ name, value, unit, limit, ratio }));
console.log(args.includes('--json') ? JSON.stringify(bare, undefined, 2) : table(asked));
if (!asked.every(isMet)) process.exitCode = 1;
