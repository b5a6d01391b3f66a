import { tryKubectl } from './commands.ts';

/** Whether the cluster has the Prometheus operator. If not, prints which tests are not run. */
export async function hasOperator(tests: string): Promise<boolean> {
  const { exitCode, stderr } = await tryKubectl(['get', 'customresourcedefinition/podmonitors.monitoring.coreos.com']);
  if (exitCode !== 0) process.stderr.write(`NOT RUN: ${tests}: ${stderr}`);
  return exitCode === 0;
}
