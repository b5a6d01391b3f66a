import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A command of a console session with its documented output. */
export interface Step {
  readonly command: string;
  /** `…` matches any text. */
  readonly printed: string;
}

/** Returns the fenced code blocks of a language, in order. */
export function extractCodeBlocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, block]) => block ?? '',
  );
}

/** Parses a `console` block: `$ ` starts a command, `> ` continues it, other lines are its output. */
export function parseSteps(block: string): Step[] {
  const steps: { command: string; printed: string }[] = [];
  for (const line of block.trimEnd().split('\n')) {
    const last = steps.at(-1);
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2), printed: '' });
    else if (last === undefined) throw new Error(`a session must begin with a command, not with ${line}`);
    else if (line.startsWith('> ') && last.printed === '') last.command += `\n${line.slice(2)}`;
    else last.printed += `${line}\n`;
  }
  return steps;
}

/** Runs commands in one shell, one after the other. @returns the output of each */
export async function runInShell(commands: readonly string[], options: { cwd: string }): Promise<string[]> {
  const mark = '--- next command ---';
  const script = commands.map((command) => `${command}\nprintf '\\n%s\\n' '${mark}'`).join('\n');
  const shell = spawn('bash', ['-c', script], { ...options, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  shell.stdout.on('data', (piece) => {
    out += piece;
  });
  await once(shell, 'close');
  return out.split(`\n${mark}\n`).slice(0, commands.length);
}

/** Whether an output matches the documented one, in which `…` matches any text. */
export function matchesTranscript(documented: string, output: string): boolean {
  const pattern = documented
    .trim()
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^]*?');
  return new RegExp(`^${pattern}$`).test(output.trim());
}
