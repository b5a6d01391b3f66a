import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ControlClient } from '@downstream/control-api';
import type { StatefulSet } from 'kubernetes-types/apps/v1.d.ts';
import type { Pod } from 'kubernetes-types/core/v1.d.ts';
import { type FarmerStatus, fetchFarmerStatus, type Scrape, scrape } from '../../../integration/src/scrape.ts';
import { type CommandOptions, type CommandResult, getObject, kubectl, tryKubectl } from './commands.ts';
import { IMAGES } from './images.ts';
import { nameNamespace, removeNamespace } from './namespace.ts';
import { withPortForward } from './port-forward.ts';
import { until } from './until.ts';

const CONTROL_PORT = 5001;
const MOCK_ENV = '/spec/template/spec/containers/0/env';
const FARMER_PORT = 8080;

/** What differs from the dev overlay. */
export interface FarmOptions {
  /** (1) */
  readonly farmers?: number;
  /** Seconds between challenges (5). */
  readonly intervalSeconds?: number;
  /** How long a farmer must be ready before the next one is updated (1). */
  readonly minReadySeconds?: number;
  /** Names of folders in kubernetes/components. */
  readonly components?: readonly string[];
  /** Settings of the farmers. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly farmerTag?: string;
  /** Further patches of the kustomization. */
  readonly patches?: readonly object[];
}

/** A farm of the dev overlay in its own namespace. */
export class Farm {
  readonly namespace: string;
  #options: FarmOptions;

  private constructor(namespace: string, options: FarmOptions) {
    this.namespace = namespace;
    this.#options = options;
  }

  /** Creates the namespace and applies the overlay, without waiting for pods. */
  static async create(name: string, options: FarmOptions = {}): Promise<Farm> {
    const farm = new Farm(nameNamespace(name), options);
    await farm.apply();
    return farm;
  }

  /** Like {@link create}, and waits until all farmers are ready. */
  static async start(name: string, options: FarmOptions = {}): Promise<Farm> {
    const farm = await Farm.create(name, options);
    try {
      await farm.rollout(240);
      return farm;
    } catch (error) {
      await farm.remove();
      throw error;
    }
  }

  /** Applies the overlay with changed options. Returns kubectl's result, which succeeded and contains its warnings. */
  async apply(changes: FarmOptions = {}): Promise<CommandResult> {
    this.#options = { ...this.#options, ...changes };
    const folder = mkdtempSync(join(import.meta.dirname, '.farm-'));
    try {
      writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(toKustomization(this.namespace, this.#options)));
      const result = await tryKubectl(['apply', '--kustomize', folder]);
      if (result.exitCode !== 0) throw new Error(result.stderr);
      return result;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** Runs kubectl in the farm's namespace. */
  async kubectl(args: readonly string[], options?: CommandOptions): Promise<string> {
    return await kubectl(['--namespace', this.namespace, ...args], options);
  }

  /** Runs kubectl in the farm's namespace and returns its result, whatever the exit code. */
  async tryKubectl(args: readonly string[], options?: CommandOptions): Promise<CommandResult> {
    return await tryKubectl(['--namespace', this.namespace, ...args], options);
  }

  /** Waits until all farmers are updated and ready. */
  async rollout(timeoutSeconds = 120): Promise<void> {
    await this.kubectl(['rollout', 'status', 'statefulset/farmer', `--timeout=${timeoutSeconds}s`], {
      timeoutMs: (timeoutSeconds + 10) * 1000,
    });
  }

  /** Waits for a condition of a pod, such as `Ready`. The pod may not exist yet. */
  async waitForPod(pod: string, condition = 'Ready', timeoutSeconds = 90): Promise<void> {
    await this.kubectl(['wait', '--for=create', `pod/${pod}`, `--timeout=${timeoutSeconds}s`]);
    await this.kubectl(['wait', `--for=condition=${condition}`, `pod/${pod}`, `--timeout=${timeoutSeconds}s`], {
      timeoutMs: (timeoutSeconds + 10) * 1000,
    });
  }

  async getPod(pod: string): Promise<Pod> {
    return await getObject(['--namespace', this.namespace, 'pod', pod]);
  }

  async getSet(name = 'farmer'): Promise<StatefulSet> {
    return await getObject(['--namespace', this.namespace, 'statefulset', name]);
  }

  /** Polls a pod until it satisfies a condition. */
  async untilPod(what: string, pod: string, isDone: (pod: Pod) => boolean, withinMs = 90_000): Promise<Pod> {
    return await until(what, async () => await this.getPod(pod), isDone, withinMs);
  }

  /** Runs `downstream` with arguments in a farmer's pod. */
  async downstream(pod: string, args: readonly string[], options?: CommandOptions): Promise<string> {
    return await this.kubectl(['exec', '--stdin', pod, '--', 'downstream', ...args], options);
  }

  async fetchStatus(pod: string): Promise<FarmerStatus> {
    return await withPortForward({ namespace: this.namespace, pod, port: FARMER_PORT }, fetchFarmerStatus);
  }

  async scrape(pod: string): Promise<Scrape> {
    return await withPortForward({ namespace: this.namespace, pod, port: FARMER_PORT }, scrape);
  }

  /** Uses the control API of the mock node. */
  async withNode<T>(use: (node: ControlClient) => Promise<T>): Promise<T> {
    const target = { namespace: this.namespace, pod: 'mock-node-0', port: CONTROL_PORT };
    return await withPortForward(target, async (url) => await use(new ControlClient(url)));
  }

  /** The ids of a farmer's contracts, sorted. */
  async listContracts(pod: string): Promise<string[]> {
    const rows: { contract: string }[] = JSON.parse(await this.downstream(pod, ['contracts', '--json']));
    return rows.map(({ contract }) => contract).sort();
  }

  /** Waits until a farmer passes another challenge. */
  async untilChallengePassed(pod: string, withinMs = 60_000): Promise<void> {
    const passed = async () => (await this.scrape(pod)).value('farmer_challenges_passed_total');
    const before = await passed();
    await until(`${pod} to pass a challenge`, passed, (value) => value > before, withinMs);
  }

  /** Removes the namespace with everything in it, and waits for that. */
  async remove(): Promise<void> {
    await removeNamespace(this.namespace);
  }
}

function toKustomization(namespace: string, options: FarmOptions): object {
  const { farmers = 1, intervalSeconds = 5, minReadySeconds = 1, components = [], settings = {} } = options;
  return {
    namespace,
    resources: ['../../../overlays/dev'],
    components: components.map((name) => `../../../components/${name}`),
    replicas: [{ name: 'farmer', count: farmers }],
    // Drains of these tests spare other pods.
    labels: [
      {
        pairs: { 'downstream-test': namespace },
        fields: [{ kind: 'StatefulSet', path: 'spec/template/metadata/labels', create: true }],
      },
    ],
    images: Object.entries(IMAGES).map(([name, image]) => ({
      name,
      newTag: name === 'downstream-farmer' && options.farmerTag ? options.farmerTag : image.split(':')[1],
    })),
    configMapGenerator: [
      {
        name: 'farmer',
        behavior: 'merge',
        // Two contracts: the proofs of many farmers share the CPU.
        literals: Object.entries({ FARMER_SIZE: '64MiB', ...settings }).map(([name, value]) => `${name}=${value}`),
      },
    ],
    patches: [
      {
        target: { kind: 'StatefulSet', name: 'farmer' },
        patch: JSON.stringify([{ op: 'replace', path: '/spec/minReadySeconds', value: minReadySeconds }]),
      },
      {
        target: { kind: 'StatefulSet', name: 'mock-node' },
        patch: JSON.stringify([
          {
            op: 'replace',
            path: `${MOCK_ENV}/0`,
            value: { name: 'MOCK_INTERVAL', value: String(intervalSeconds) },
          },
          // Ten intervals of a test are shorter than an outage: contracts must not end meanwhile.
          { op: 'add', path: `${MOCK_ENV}/-`, value: { name: 'MOCK_MAX_FAILURES', value: '1000' } },
        ]),
      },
      ...(options.patches ?? []),
    ],
  };
}
