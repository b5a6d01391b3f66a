import { randomBytes } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { Container, PodSpec, Probe } from 'kubernetes-types/core/v1.d.ts';
import { containerOf, environmentOf, podsOf, type Rendered, render } from '../../kubernetes/test/rendered.ts';
import { describeWith } from '../../test/support/tools.ts';
import { attemptDocker, docker } from '../src/docker.ts';
import { eventually } from '../src/eventually.ts';
import { IMAGES, LABEL_OPTIONS, NETWORK_PREFIX } from '../src/images.ts';
import { type FarmerStatus, farmerStatus, json, scrape } from '../src/scrape.ts';

/** Runs a test with a network and a volume of its own, and takes them and all pods away again. */
async function withPods(test: (pods: Pods) => Promise<void>): Promise<void> {
  const pods = new Pods(render('dev'));
  try {
    await pods.setUp();
    await test(pods);
  } catch (error) {
    console.error(await pods.logs());
    throw error;
  } finally {
    await pods.remove();
  }
}

/** Does with Docker what a kubelet does with the pods of an overlay, as far as Docker can. */
class Pods {
  readonly #rendered: Rendered;
  readonly #name = `${NETWORK_PREFIX}${randomBytes(6).toString('hex')}`;
  readonly #running: Pod[] = [];

  constructor(rendered: Rendered) {
    this.#rendered = rendered;
  }

  async setUp(): Promise<void> {
    await docker(['network', 'create', ...LABEL_OPTIONS, this.#name]);
    await docker(['volume', 'create', ...LABEL_OPTIONS, this.#name]);
  }

  /** Starts the pod of a workload, named as its first replica. The pod's service is its name on the network. */
  async start(workload: string): Promise<Pod> {
    const spec = this.#specOf(workload);
    const container = containerOf(spec);
    const env = environmentOf(this.#rendered, container, { 'metadata.name': `${workload}-0` });
    const id = await docker([
      ...['run', '--detach', ...LABEL_OPTIONS, '--network', this.#name, '--network-alias', workload],
      ...securityOptions(spec, container),
      ...['--memory', bytesOf(container.resources?.limits?.['memory'])],
      ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ...(container.volumeMounts ?? []).flatMap(({ mountPath }) => ['--volume', `${this.#name}:${mountPath}`]),
      ...(container.ports ?? []).flatMap(({ containerPort }) => ['--publish', `127.0.0.1::${containerPort}`]),
      builtFor(container),
    ]);
    const pod = new Pod(id, spec);
    this.#running.push(pod);
    return pod;
  }

  async logs(): Promise<string> {
    return (await Promise.all(this.#running.map((pod) => pod.logs()))).join('\n');
  }

  async remove(): Promise<void> {
    await Promise.all(this.#running.map((pod) => pod.remove()));
    await attemptDocker(['volume', 'rm', this.#name]);
    await attemptDocker(['network', 'rm', this.#name]);
  }

  #specOf(workload: string): PodSpec {
    const pod = podsOf(this.#rendered).find(({ name }) => name === workload);
    if (pod === undefined) throw new Error(`there is no ${workload}`);
    return pod.spec;
  }
}

/** A container that runs as a manifest says. */
class Pod {
  readonly #id: string;
  readonly #spec: PodSpec;
  readonly #container: Container;

  constructor(id: string, spec: PodSpec) {
    this.#id = id;
    this.#spec = spec;
    this.#container = containerOf(spec);
  }

  /** Where the port with this name in the manifest was published. */
  async url(portName: string): Promise<string> {
    const port = this.#container.ports?.find(({ name }) => name === portName)?.containerPort;
    const [published] = (await docker(['port', this.#id, `${port}/tcp`])).split('\n');
    return `http://${published}`;
  }

  /** Asks the manifest's probes in a kubelet's order, each as long as a kubelet would. */
  async becomesReady(): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = this.#container;
    await this.#passes('startup', startupProbe);
    await this.#passes('liveness', livenessProbe);
    // A pod may be unready for as long as it likes; ours should not.
    await this.#passes('readiness', readinessProbe, 30_000);
  }

  /** What a kubelet does: SIGTERM, and SIGKILL when the grace period is over. */
  async terminate(): Promise<{ exitCode: number; seconds: number }> {
    const startedAt = performance.now();
    await docker(['stop', '-t', String(this.gracePeriodSeconds), this.#id], { timeoutMs: 120_000 });
    const seconds = (performance.now() - startedAt) / 1000;
    return { exitCode: Number(await docker(['inspect', '--format', '{{.State.ExitCode}}', this.#id])), seconds };
  }

  get gracePeriodSeconds(): number {
    return this.#spec.terminationGracePeriodSeconds ?? 30;
  }

  async logs(): Promise<string> {
    const { stdout, stderr } = await attemptDocker(['logs', '--tail', '40', this.#id]);
    return `${this.#container.name}\n${stdout}${stderr}`;
  }

  async remove(): Promise<void> {
    await docker(['rm', '--force', this.#id]);
  }

  async #passes(what: string, probe: Probe | undefined, withinMs = allowedMs(probe)): Promise<void> {
    const { path, port } = probe?.httpGet ?? {};
    const url = `${await this.url(String(port))}${path}`;
    const signal = () => AbortSignal.timeout((probe?.timeoutSeconds ?? 1) * 1000);
    const ask = async () => (await fetch(url, { signal: signal() })).status;
    await eventually(`the ${what} probe`, ask, (status) => status >= 200 && status < 400, { withinMs });
  }
}

function allowedMs(probe: Probe | undefined): number {
  return (probe?.periodSeconds ?? 10) * (probe?.failureThreshold ?? 3) * 1000;
}

function securityOptions({ securityContext: pod }: PodSpec, { securityContext: own }: Container): string[] {
  return [
    ...['--user', `${pod?.runAsUser}:${pod?.runAsGroup}`],
    ...(own?.capabilities?.drop ?? []).flatMap((capability) => ['--cap-drop', capability]),
    ...(own?.readOnlyRootFilesystem ? ['--read-only'] : []),
    ...(own?.allowPrivilegeEscalation === false ? ['--security-opt', 'no-new-privileges'] : []),
  ];
}

/** The image that this run has built in place of the one in the manifest. */
function builtFor({ image = '' }: Container): string {
  const [repository] = image.split(':');
  const built = Object.values(IMAGES).find((name) => name.split(':')[0] === repository);
  if (built === undefined) throw new Error(`no image is built for ${image}`);
  return built;
}

/** A Kubernetes quantity of mebibytes for Docker. */
function bytesOf(quantity = ''): string {
  const [, mebibytes] = /^(\d+)Mi$/.exec(quantity) ?? [];
  if (mebibytes === undefined) throw new Error(`not in Mi: ${quantity}`);
  return `${mebibytes}m`;
}

describeWith(['kubectl'], 'a farmer run as its Kubernetes manifest says', () => {
  it('becomes ready, ends within its grace period in the midst of work, and goes on from its volume', async () => {
    await withPods(async (pods) => {
      const node = await pods.start('mock-node');
      await node.becomesReady();
      const farmer = await pods.start('farmer');
      await farmer.becomesReady();

      const url = await farmer.url('http');
      const { farmerId, alias } = await json<FarmerStatus & { alias: string }>(`${url}/status`);
      expect(alias).toBe('farmer-0');
      await eventually(
        'a challenge that is being answered, after others that passed',
        async () => await scrape(url),
        (seen) =>
          seen.value('farmer_challenges_passed_total') > 0 &&
          seen.value('farmer_contracts', { state: 'proving' }) +
            seen.value('farmer_contracts', { state: 'answering' }) >
            0,
        { withinMs: 100_000 },
      );
      const { exitCode, seconds } = await farmer.terminate();
      expect(exitCode).toBe(0);
      expect(seconds).toBeLessThan(farmer.gracePeriodSeconds);

      const again = await pods.start('farmer');
      await again.becomesReady();
      const urlAgain = await again.url('http');
      const { contracts } = await farmerStatus(urlAgain);
      const metrics = await eventually(
        'as many passed challenges as it has contracts',
        async () => await scrape(urlAgain),
        (seen) => seen.value('farmer_challenges_passed_total') >= contracts.total,
      );
      expect((await farmerStatus(urlAgain)).farmerId).toBe(farmerId);
      expect(metrics.value('farmer_challenges_failed_total')).toBe(0);
      // Chunks were kept: the memory limit and the read-only file system left room for all there is to do.
      expect(metrics.value('farmer_chunk_faults_total')).toBe(0);
    });
  });
});
