import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith } from '../../../test/support/tools.ts';
import { runCommand } from '../../src/cli/command.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'completion-'));
  const output = { subscribe: () => {}, flush: async () => true, openFile: async () => new Writable() };
  for (const shell of SHELLS) {
    const printed: string[] = [];
    const out = (content: string | Uint8Array) => printed.push(String(content));
    expect(await runCommand(['completion', shell], { out, err: out, output })).toBe(0);
    writeFileSync(join(folder, shell), printed.join(''));
  }
  writeFileSync(join(folder, 'state.db'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

const shellScripts = {
  bash: (script: string) =>
    `source '${script}'; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _downstream; printf '%s\\n' "\${COMPREPLY[@]}"`,
  // What zsh's own functions would offer, without its terminal.
  zsh: (script: string) =>
    `compdef() { : }; _files() { print -l -- *(N) }; compadd() { shift; print -l -- "$@" }
     _describe() { print -l -- "\${(@)\${(@P)2}%%:*}" }
     source '${script}'; words=("$@"); CURRENT=$#; _downstream`,
  fish: (script: string) => `source '${script}'; complete -C "$argv" | string replace -r '\\t.*' ''; true`,
};

/** What a shell offers for the last of the words. zsh and bash filter differently, so all begin with it. */
function complete(shell: (typeof SHELLS)[number], ...words: string[]): string[] {
  const script = shellScripts[shell](join(folder, shell));
  const args = { bash: ['-c', script, '_'], zsh: ['-f', '-c', script, '_'], fish: ['-c', script] }[shell];
  const printed = execFileSync(shell, [...args, 'downstream', ...words], { cwd: folder, encoding: 'utf8' });
  return printed.split('\n').filter((line) => line !== '' && line.startsWith(words.at(-1) ?? ''));
}

describeWith(['zsh', 'fish'], 'downstream completion', () => {
  it.each(SHELLS)('completes commands in %s', (shell) => {
    expect(complete(shell, 'sta')).toEqual(['status']);
    expect(complete(shell, 'disk', 'r')).toEqual(['replace']);
    expect(complete(shell, 'help', 'expl')).toEqual(['explain']);
    expect(complete(shell, '')).toEqual(expect.arrayContaining(['backup', 'check', 'completion', 'contracts', 'help']));
  });

  it.each(SHELLS)('completes the options of each command in %s', (shell) => {
    expect(complete(shell, '--siz')).toEqual(['--size']);
    expect(complete(shell, 'check', '--siz')).toEqual(['--size']);
    expect(complete(shell, 'status', '--siz')).toEqual([]);
    expect(complete(shell, 'disk', 'replace', '--same')).toEqual(['--same-file-system']);
    expect(complete(shell, '--data-directory')).toEqual([]);
  });

  it.each(SHELLS)('completes values and paths in %s', (shell) => {
    expect(complete(shell, 'contracts', '--phase', 'g')).toEqual(['generating']);
    expect(complete(shell, '--log-level', 'w')).toEqual(['warn']);
    expect(complete(shell, 'completion', 'f')).toEqual(['fish']);
    expect(complete(shell, '--size', '')).toEqual([]);
    expect(complete(shell, '--config', 'sta')).toEqual(['state.db']);
    expect(complete(shell, 'backup', 'sta')).toEqual(['state.db']);
  });
});

describeWith(['man'], 'the man page', () => {
  it('is valid', () => {
    const page = join(import.meta.dirname, '../../man/downstream.1');
    const warnings = execFileSync('sh', ['-c', 'man --warnings -E UTF-8 -l "$1" 2>&1 >/dev/null', '_', page], {
      encoding: 'utf8',
    });
    expect(warnings).toBe('');
  });
});
