import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

/** Programs that some tests run, and the Debian package that brings each. */
const PACKAGES = {
  promtool: 'prometheus',
  prometheus: 'prometheus',
  chromium: 'chromium',
  kubectl: 'kubectl',
} as const;

/**
 * A `describe` for tests that run other programs. Where one is missing they are left out, which is said loudly; with `CI` or
 * `REQUIRE_TOOLS=1` set that is a failure.
 */
export function describeWith(tools: readonly (keyof typeof PACKAGES)[], name: string, body: () => void): void {
  const missing = tools.filter((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const why = `${name}: ${missing.map((tool) => `${tool} is not on this machine (Debian's package ${PACKAGES[tool]})`).join(', ')}`;
  if (isSet(process.env['CI']) || isSet(process.env['REQUIRE_TOOLS'])) throw new Error(`can't be tested: ${why}`);
  console.warn(`NOT RUN: ${why}`);
  describe.skip(name, body);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}
