import { execFile } from 'node:child_process';

export interface DockerOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

export interface DockerResult {
  /** 127 if the docker command cannot be run, 124 after a timeout. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the docker command and returns its result, whatever the exit code. */
export async function tryDocker(
  args: readonly string[],
  { env = process.env, timeoutMs = 60_000 }: DockerOptions = {},
): Promise<DockerResult> {
  return await new Promise((resolve) => {
    const options = { env, timeout: timeoutMs, maxBuffer: 64 * 1024 * 1024 };
    execFile('docker', args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ exitCode: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ exitCode: error.code, stdout, stderr });
      else resolve({ exitCode: error.killed ? 124 : 127, stdout, stderr: `${stderr}${error.message}` });
    });
  });
}

/**
 * Runs the docker command and returns its trimmed output.
 *
 * @throws with the complete output if the command fails
 */
export async function docker(args: readonly string[], options: DockerOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await tryDocker(args, options);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
  return stdout.trim();
}
