import { randomBytes } from 'node:crypto';
import { kubectl } from './commands.ts';

/** A namespace that no other test uses, also in a cluster that several people test on. */
export function nameNamespace(test: string): string {
  return `downstream-test-${test}-${randomBytes(3).toString('hex')}`;
}

/**
 * Creates a namespace of a test. Pods that violate the restricted pod security profile are rejected, and workloads with
 * such pods cause warnings.
 */
export async function createNamespace(test: string): Promise<string> {
  const name = nameNamespace(test);
  const labels = Object.fromEntries(
    ['enforce', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
  );
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  await kubectl(['apply', '--filename=-'], { input: JSON.stringify(namespace) });
  return name;
}

/** Removes a namespace with everything in it, and waits for that. */
export async function removeNamespace(name: string): Promise<void> {
  await kubectl(['delete', 'namespace', name, '--ignore-not-found', '--timeout=120s'], { timeoutMs: 130_000 });
}
