import { randomBytes } from 'node:crypto';
import type { Container, PodSpec, Probe } from 'kubernetes-types/core/v1.d.ts';
import { getOnlyContainer } from '../../kubernetes/test/render.ts';
import { docker, tryDocker } from './docker.ts';
import { eventually } from './eventually.ts';
import { LABEL_OPTIONS } from './images.ts';

interface PodOptions {
  readonly image: string;
  /** Its alias on the network. */
  readonly name: string;
  readonly network: string;
  readonly env: Readonly<Record<string, string>>;
  /** Mounted at each volume mount of the container. */
  readonly volume?: string;
}

/** A pod of the manifests, run by the Docker engine with the same user, restrictions, memory limit and probes. */
export class Pod {
  readonly #id: string;
  readonly #container: Container;
  readonly #graceSeconds: number;

  private constructor(id: string, spec: PodSpec) {
    this.#id = id;
    this.#container = getOnlyContainer(spec);
    this.#graceSeconds = spec.terminationGracePeriodSeconds ?? 30;
  }

  /** Starts it and waits, like the kubelet, until its probes succeed. */
  static async start(spec: PodSpec, options: PodOptions): Promise<Pod> {
    const id = await docker(['run', '--detach', ...LABEL_OPTIONS, ...toDockerOptions(spec, options), options.image]);
    const pod = new Pod(id, spec);
    await pod.waitUntilReady();
    return pod;
  }

  /** Waits for the start-up, liveness and readiness probes. */
  async waitUntilReady(): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.#container;
    const { periodSeconds = 10, failureThreshold = 3 } = startupProbe ?? {};
    const withinMs = Math.min(60, periodSeconds * failureThreshold) * 1000;
    await eventually('the start-up probe', async () => await this.#probe(startupProbe), Boolean, { withinMs });
    await eventually('the liveness probe', async () => await this.#probe(livenessProbe), Boolean);
    await eventually('the readiness probe', async () => await this.#probe(readinessProbe), Boolean);
  }

  /** Returns the URL of a named port, by default the first; it changes with each start. */
  async url(port = this.#container.ports?.[0]?.name): Promise<string> {
    const named = this.#container.ports?.find(({ name }) => name === port);
    if (named === undefined) throw new Error(`the pod has no port ${port}`);
    return `http://${await docker(['port', this.#id, String(named.containerPort)])}`;
  }

  /** Sends SIGTERM, and SIGKILL after the pod's grace period. */
  async stop(): Promise<{ exitCode: number; seconds: number; graceSeconds: number }> {
    const startedAt = performance.now();
    await docker(['stop', '--time', String(this.#graceSeconds), this.#id], { timeoutMs: 90_000 });
    const seconds = (performance.now() - startedAt) / 1000;
    const exitCode = Number(await docker(['inspect', '--format', '{{.State.ExitCode}}', this.#id]));
    return { exitCode, seconds, graceSeconds: this.#graceSeconds };
  }

  async restart(): Promise<void> {
    await docker(['start', this.#id]);
    await this.waitUntilReady();
  }

  async logs(): Promise<string> {
    const { stdout, stderr } = await tryDocker(['logs', '--tail', '40', this.#id]);
    return stdout + stderr;
  }

  async remove(): Promise<void> {
    await docker(['rm', '--force', '--volumes', this.#id]);
  }

  async #probe(probe: Probe | undefined): Promise<boolean> {
    const { path, port } = probe?.httpGet ?? {};
    const timeoutMs = (probe?.timeoutSeconds ?? 1) * 1000;
    return (await fetch((await this.url(String(port))) + path, { signal: AbortSignal.timeout(timeoutMs) })).ok;
  }
}

/** Translates a pod's specification to options of `docker run`. */
function toDockerOptions(spec: PodSpec, { name, network, env, volume }: PodOptions): string[] {
  const { securityContext, resources, ports, volumeMounts = [] } = getOnlyContainer(spec);
  const { runAsUser, runAsGroup } = spec.securityContext ?? {};
  return [
    ...[
      '--name',
      `${network}-${name}-${randomBytes(3).toString('hex')}`,
      '--network',
      network,
      '--network-alias',
      name,
    ],
    ...['--user', `${runAsUser}:${runAsGroup}`],
    ...(securityContext?.readOnlyRootFilesystem ? ['--read-only'] : []),
    ...(securityContext?.allowPrivilegeEscalation === false ? ['--security-opt', 'no-new-privileges:true'] : []),
    ...(securityContext?.capabilities?.drop ?? []).flatMap((capability) => ['--cap-drop', capability]),
    ...['--memory', String(resources?.limits?.['memory']).replace(/i$/, '').toLowerCase()],
    ...(ports ?? []).flatMap(({ containerPort }) => ['--publish', `127.0.0.1::${containerPort}`]),
    ...volumeMounts.flatMap(({ mountPath }) => ['--volume', `${volume}:${mountPath}`]),
    ...Object.entries(env).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
  ];
}
