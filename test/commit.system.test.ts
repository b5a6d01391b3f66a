import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findCommit } from '../scripts/write-commit.ts';

const root = join(import.meta.dirname, '..');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'commit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org'];
  return execFileSync('git', ['-C', folder, ...identity, ...args], { encoding: 'utf8' }).trim();
}

function commitFile(): string {
  git('init', '--quiet');
  writeFileSync(join(folder, 'file'), 'committed');
  git('add', 'file');
  git('commit', '--quiet', '--message', 'test');
  git('tag', 'v1');
  return git('rev-parse', '--short=12', 'HEAD');
}

describe('The commit of a build', () => {
  it('is that of the checkout, and dirty after a change', () => {
    const commit = commitFile();
    expect(findCommit(folder)).toBe(commit);
    writeFileSync(join(folder, 'file'), 'changed');
    expect(findCommit(folder)).toBe(`${commit}-dirty`);
  });

  it('is unknown outside of a checkout, also in a folder of another repository', () => {
    expect(findCommit(folder)).toBe('unknown');
    commitFile();
    mkdirSync(join(folder, 'unpacked'));
    expect(findCommit(join(folder, 'unpacked'))).toBe('unknown');
  });

  it('is unknown if git cannot tell it', () => {
    mkdirSync(join(folder, '.git'));
    expect(findCommit(folder)).toBe('unknown');
  });

  it('is what the built farmer and the built mock node report', () => {
    execFileSync(process.execPath, [join(root, 'scripts/write-commit.ts')]);
    const commit = readFileSync(join(root, 'packages/platform/dist/commit'), 'utf8').trim();
    for (const program of ['farmer/bin/downstream.js', 'mock-node/dist/main.js']) {
      const version = execFileSync(process.execPath, [join(root, program), '--version'], { encoding: 'utf8' });
      expect(version).toMatch(/^\d+\.\d+\.\d+ \(commit \S+\)\n$/);
      expect(version).toContain(`(commit ${commit})`);
    }
  });
});
