import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';

it('does not run install scripts of packages, whatever the version of npm', () => {
  const folder = mkdtempSync(join(tmpdir(), 'supply-chain-'));
  try {
    copyFileSync(join(import.meta.dirname, '../.npmrc'), join(folder, '.npmrc'));
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'project', dependencies: { hostile: 'file:hostile' } }),
    );
    mkdirSync(join(folder, 'hostile'));
    const scripts = { preinstall: 'touch ../ran', install: 'touch ../ran', postinstall: 'touch ../ran' };
    writeFileSync(
      join(folder, 'hostile/package.json'),
      JSON.stringify({ name: 'hostile', version: '1.0.0', scripts, bin: { hostile: 'program' } }),
    );
    writeFileSync(join(folder, 'hostile/program'), '');
    execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'pipe' });
    // Commands are linked without scripts: this is how `node` gets into the path of npm scripts.
    expect({
      ran: existsSync(join(folder, 'ran')),
      linked: existsSync(join(folder, 'node_modules/.bin/hostile')),
    }).toEqual({ ran: false, linked: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
