import { execFile } from 'node:child_process';

export interface DockerOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
}

export interface DockerResult {
  /** 127 where the docker command can't be run, 124 where it took too long. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the docker command; any exit code is a result. */
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
 * Runs the docker command and returns what it printed, trimmed.
 *
 * @throws where it fails, with all that it printed
 */
export async function docker(args: readonly string[], options: DockerOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await tryDocker(args, options);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')} ended with ${exitCode}:\n${stdout}${stderr}`);
  return stdout.trim();
}
