import type { SettingsInput } from '@downstream/platform';
import { checkFarmer } from '../check/check-farmer.ts';
import { nameUsedSettings } from '../config.ts';
import { wrap } from '../page/text-layout.ts';
import { EXIT } from './exit-codes.ts';
import { isFarmerRunning, type Print } from './running-farmer.ts';

const EXIT_CODES = { ok: EXIT.OK, warning: EXIT.FINDING, error: EXIT.ERROR } as const;

/**
 * `downstream check`: checks all that a farmer with these settings needs, without starting it.
 *
 * @returns the exit code of the worst finding: `EXIT.OK`, `EXIT.FINDING` for a warning, `EXIT.ERROR`
 */
export async function check(
  input: Partial<SettingsInput>,
  { json }: { readonly json: boolean },
  print: Print,
): Promise<number> {
  const findings = (await checkFarmer(input, isFarmerRunning)).map((finding) => ({
    ...finding,
    message: nameUsedSettings(finding.message, input),
  }));
  const count = (wanted: string) => findings.filter(({ level }) => level === wanted).length;
  if (json) print(JSON.stringify(findings, null, 2));
  else {
    for (const finding of findings) {
      const start = `${finding.level.padEnd(7)}  ${finding.check.padEnd(8)}  `;
      for (const line of wrap(finding.message, { start, indent: ' '.repeat(start.length) })) print(line);
    }
    print(`errors: ${count('error')}, warnings: ${count('warning')}`);
  }
  return Math.max(...findings.map(({ level }) => EXIT_CODES[level]));
}
