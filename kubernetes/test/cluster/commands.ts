import { execFile } from 'node:child_process';
import { readClusterSettings } from './settings.ts';

export interface CommandOptions {
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
}

export interface CommandResult {
  /** 127 if the command cannot be run, 124 after a timeout. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl in the cluster under test and returns its trimmed output. @throws with its errors if it fails */
export async function kubectl(args: readonly string[], options?: CommandOptions): Promise<string> {
  return await run('kubectl', inContext(args), options);
}

/** Runs kubectl in the cluster under test and returns its result, whatever the exit code. */
export async function tryKubectl(args: readonly string[], options?: CommandOptions): Promise<CommandResult> {
  return await tryRun('kubectl', inContext(args), options);
}

/** Returns an object of the cluster as JSON, without validation. */
export async function getObject<T>(args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(['get', '--output=json', ...args]));
}

/** kubectl's arguments with the context of the cluster under test. */
export function inContext(args: readonly string[]): string[] {
  return [`--context=${readClusterSettings().context}`, ...args];
}

/** Runs a program and returns its trimmed output. @throws with its output if it fails */
export async function run(program: string, args: readonly string[], options?: CommandOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await tryRun(program, args, options);
  if (exitCode !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
  return stdout.trim();
}

async function tryRun(
  program: string,
  args: readonly string[],
  { input = '', timeoutMs = 60_000 }: CommandOptions = {},
): Promise<CommandResult> {
  return await new Promise((resolve) => {
    const options = { timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ exitCode: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ exitCode: error.code, stdout, stderr });
      else resolve({ exitCode: error.killed ? 124 : 127, stdout, stderr: `${stderr}${error.message}` });
    });
    // The program may end before it has read its input.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}
