import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

/** Programs that some tests run, with their Debian packages and how to find out whether they are installed. */
const TOOLS = {
  promtool: { package: 'prometheus', check: ['promtool', '--version'] },
  prometheus: { package: 'prometheus', check: ['prometheus', '--version'] },
  chromium: { package: 'chromium', check: ['chromium', '--version'] },
  kubectl: { package: 'kubectl', check: ['kubectl', 'version', '--client'] },
  fusermount: { package: 'fuse3', check: ['fusermount', '--version'] },
  'systemd-analyze': { package: 'systemd', check: ['systemd-analyze', '--version'] },
  fusepy: { package: 'python3-fusepy', check: ['/usr/bin/python3', '-c', 'import fusepy'] },
} as const;

/**
 * A `describe` for tests that run other programs. If one is missing, they are skipped with a notice, or fail if `CI` or
 * `REQUIRE_TOOLS=1` is set.
 */
export function describeWith(tools: readonly (keyof typeof TOOLS)[], name: string, body: () => void): void {
  const missing = tools.filter((tool) => !isInstalled(TOOLS[tool].check));
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const reason = `${name}: ${missing.map((tool) => `${tool} not found (Debian package ${TOOLS[tool].package})`).join(', ')}`;
  if (isSet(process.env['CI']) || isSet(process.env['REQUIRE_TOOLS'])) throw new Error(`cannot be tested: ${reason}`);
  console.warn(`NOT RUN: ${reason}`);
  describe.skip(name, body);
}

function isInstalled([program = '', ...args]: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}
