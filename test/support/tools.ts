import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

interface Tool {
  readonly check: readonly string[];
  /** Where to get it. */
  readonly source: string;
  /** The variables that make it required, if not `CI` or `REQUIRE_TOOLS`. */
  readonly requiredBy?: readonly string[];
}

/** Programs that some tests run, and how to find out whether they are installed. */
const TOOLS = {
  promtool: { source: 'Debian package prometheus', check: ['promtool', '--version'] },
  prometheus: { source: 'Debian package prometheus', check: ['prometheus', '--version'] },
  chromium: { source: 'Debian package chromium', check: ['chromium', '--version'] },
  kubectl: { source: 'Debian package kubectl', check: ['kubectl', 'version', '--client'] },
  fusermount: { source: 'Debian package fuse3', check: ['fusermount', '--version'] },
  'systemd-analyze': { source: 'Debian package systemd', check: ['systemd-analyze', '--version'] },
  fusepy: { source: 'Debian package python3-fusepy', check: ['/usr/bin/python3', '-c', 'import fusepy'] },
  zsh: { source: 'Debian package zsh', check: ['zsh', '--version'] },
  fish: { source: 'Debian package fish', check: ['fish', '--version'] },
  man: { source: 'Debian package man-db', check: ['man', '--version'] },
  helm: { source: 'https://helm.sh', check: ['helm', 'version'], requiredBy: ['REQUIRE_HELM'] },
} satisfies Record<string, Tool>;

/**
 * A `describe` for tests that run other programs. If one is missing, they are skipped with a notice, or fail if `CI` or
 * `REQUIRE_TOOLS=1` is set. Debian has no package of Helm, so only `REQUIRE_HELM=1` requires it.
 */
export function describeWith(tools: readonly (keyof typeof TOOLS)[], name: string, body: () => void): void {
  const missing = tools.map((tool): Tool & { name: string } => ({ ...TOOLS[tool], name: tool })).filter(isMissing);
  if (missing.length === 0) {
    describe(name, body);
    return;
  }
  const reason = `${name}: ${missing.map((tool) => `${tool.name} not found (${tool.source})`).join(', ')}`;
  const isRequired = ({ requiredBy = ['CI', 'REQUIRE_TOOLS'] }: Tool) =>
    requiredBy.some((variable) => isSet(process.env[variable]));
  if (missing.some(isRequired)) throw new Error(`cannot be tested: ${reason}`);
  console.warn(`NOT RUN: ${reason}`);
  describe.skip(name, body);
}

function isMissing({ check: [program = '', ...args] }: Tool): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status !== 0;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value);
}
