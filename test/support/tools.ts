import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

/** Programs that some tests run, with their Debian packages. */
const PACKAGES = {
  promtool: 'prometheus',
  prometheus: 'prometheus',
  chromium: 'chromium',
  kubectl: 'kubectl',
} as const;

/**
 * A `describe` for tests that run other programs. If one is missing, they are skipped with a notice, or fail if `CI` or
 * `REQUIRE_TOOLS=1` is set.
 */
export function describeWith(tools: readonly (keyof typeof PACKAGES)[], name: string, body: () => void): void {
  const missing = tools.filter((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const reason = `${name}: ${missing.map((tool) => `${tool} not found (Debian package ${PACKAGES[tool]})`).join(', ')}`;
  if (isSet(process.env['CI']) || isSet(process.env['REQUIRE_TOOLS'])) throw new Error(`cannot be tested: ${reason}`);
  console.warn(`NOT RUN: ${reason}`);
  describe.skip(name, body);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}
