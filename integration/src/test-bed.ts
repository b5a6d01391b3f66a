import { randomBytes } from 'node:crypto';
import { MockNodeContainer } from '@downstream/testcontainers';
import { GenericContainer, Network, type StartedNetwork, Wait } from 'testcontainers';
import { type DockerResult, docker, tryDocker } from './docker.ts';
import { GENESIS_PATH, type Genesis, toGenesisSettings } from './genesis.ts';
import { IMAGES, LABEL, LABEL_OPTIONS, NETWORK_PREFIX } from './images.ts';
import { resolveBaseImage } from './pinned-images.ts';
import { FARMER_PORT, FarmerService, MockNodeService, type Service } from './service.ts';

interface FarmerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Replaces the standard genesis file. */
  readonly genesis?: Genesis;
  /** Volume of the data directory; a new one by default. */
  readonly volume?: string;
  /** Maximum number of processors, which may be a fraction. */
  readonly cpus?: number;
  /** A second network that is its only connection to the node: see {@link TestBed.createLink}. */
  readonly link?: string;
  /** Mounts a tmpfs of this size at the data directory instead of a volume. */
  readonly diskMiB?: number;
  /** Mounts a tmpfs of this size at {@link SECOND_DISK}. */
  readonly secondDiskMiB?: number;
  /** Maximum number of files and directories on the tmpfs of the data directory. */
  readonly diskInodes?: number;
}

interface ChunkFile {
  readonly name: string;
  readonly sha256: string;
}

/** A second data directory for a farmer. */
export const SECOND_DISK = '/disks/b';
const NODE_HOST = 'mock-node';
export const NODE_URL = `http://${NODE_HOST}:5000`;
const LINKED_NODE = 'linked-node';
const LINKED_NODE_URL = `http://${LINKED_NODE}:5000`;
/** Longer than any test. */
const NEVER_MS = 3_600_000;
const DEFAULT_ENV = {
  FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV',
  FARMER_NODE_URL: NODE_URL,
  FARMER_INIT: 'true',
};

/** Runs a test with its own network, and removes everything afterwards. Prints the logs if the test fails. */
export async function inTestBed(test: (bed: TestBed) => Promise<void>): Promise<void> {
  const bed = new TestBed(
    await new Network({ nextUuid: () => `${NETWORK_PREFIX}${randomBytes(6).toString('hex')}` }).start(),
  );
  try {
    await test(bed);
  } catch (error) {
    console.error(await bed.logs());
    throw error;
  } finally {
    await bed.remove();
  }
}

/** The network, containers and volumes of one test. */
export class TestBed {
  readonly #network: StartedNetwork;
  readonly #services: Service[] = [];
  readonly #volumes: string[] = [];
  readonly #links: string[] = [];

  constructor(network: StartedNetwork) {
    this.#network = network;
  }

  /**
   * Starts the mock node of this test's farmers.
   *
   * @param set changes the defaults
   * @param host its name in the network; farmers use the default
   */
  async startMockNode(
    set: (node: MockNodeContainer) => MockNodeContainer = (node) => node,
    host = NODE_HOST,
  ): Promise<MockNodeService> {
    const definition = this.#restrict(new MockNodeContainer(IMAGES['mock-node']))
      .withNetworkAliases(host)
      .withInterval(5);
    return this.#track(new MockNodeService(await set(definition).start()));
  }

  /** Starts a farmer of this test's mock node and waits until it is ready. */
  async startFarmer({
    env = {},
    genesis,
    volume,
    cpus,
    link,
    diskMiB,
    diskInodes,
    secondDiskMiB,
  }: FarmerOptions = {}): Promise<FarmerService> {
    const definition = this.#restrict(new GenericContainer(IMAGES.farmer))
      .withEnvironment({
        ...DEFAULT_ENV,
        ...(link !== undefined && { FARMER_NODE_URL: LINKED_NODE_URL }),
        ...(genesis && toGenesisSettings(genesis)),
        ...env,
      })
      .withCopyContentToContainer(genesis ? [{ target: GENESIS_PATH, content: genesis.content, mode: 0o644 }] : [])
      .withExposedPorts(FARMER_PORT)
      .withWaitStrategy(Wait.forHttp(link === undefined ? '/readyz' : '/healthz', FARMER_PORT));
    const inodes = diskInodes === undefined ? '' : `,nr_inodes=${diskInodes}`;
    const toTmpFs = (sizeMiB: number) => `rw,uid=1000,gid=1000,mode=700,size=${sizeMiB}m`;
    if (secondDiskMiB !== undefined) definition.withTmpFs({ [SECOND_DISK]: toTmpFs(secondDiskMiB) });
    if (diskMiB !== undefined) definition.withTmpFs({ '/data': `${toTmpFs(diskMiB)}${inodes}` });
    else definition.withBindMounts([{ source: volume ?? (await this.createVolume()), target: '/data', mode: 'rw' }]);
    if (cpus !== undefined) definition.withResourcesQuota({ cpu: cpus });
    const farmer = this.#track(new FarmerService(await definition.start()));
    if (link !== undefined) await farmer.connect(link);
    return farmer;
  }

  /**
   * Creates a second network on which the node has another alias. A farmer that uses this alias can be disconnected
   * from the node without losing its published port.
   */
  async createLink(node: MockNodeService): Promise<string> {
    const network = `${NETWORK_PREFIX}${randomBytes(6).toString('hex')}`;
    // Internal: otherwise the engine may publish a container's ports through it.
    await docker(['network', 'create', '--internal', network]);
    this.#links.push(network);
    await node.connect(network, LINKED_NODE);
    return network;
  }

  /** Runs a shell command as root in a data directory, to simulate damage. */
  async runOnVolume(volume: string, command: string): Promise<void> {
    const entry = ['--entrypoint', 'sh', await resolveBaseImage(), '-c', `set -e; cd /data; ${command}`];
    await docker(['run', '--rm', ...LABEL_OPTIONS, '--volume', `${volume}:/data`, ...entry]);
  }

  /** Runs a farmer that is expected to fail at the start. */
  async runFarmerToExit({ volume, genesis }: { volume: string; genesis: Genesis }): Promise<DockerResult> {
    const env = Object.entries({ ...DEFAULT_ENV, ...toGenesisSettings(genesis) });
    const options = env.flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const restrictions = ['--cap-drop', 'ALL', '--volume', `${volume}:/data`, '--network', this.#network.getName()];
    return await tryDocker(['run', '--rm', ...LABEL_OPTIONS, ...restrictions, ...options, IMAGES.farmer]);
  }

  /** Runs a command of `downstream` on the data directory of a stopped farmer. */
  async runOnDataDir(volume: string, ...command: readonly string[]): Promise<string> {
    return await docker(['run', '--rm', ...LABEL_OPTIONS, '--volume', `${volume}:/data`, IMAGES.farmer, ...command]);
  }

  /** Creates an empty volume for a data directory that outlives its container. */
  async createVolume(): Promise<string> {
    const name = `downstream-integration-${randomBytes(6).toString('hex')}`;
    this.#volumes.push(await docker(['volume', 'create', ...LABEL_OPTIONS, name]));
    return name;
  }

  /** Lists the chunk files of a data directory with their hashes, independently of the farmer. */
  async listChunkFiles(volume: string): Promise<ChunkFile[]> {
    const list = `
      const { createHash } = require('node:crypto');
      const { readdirSync, readFileSync } = require('node:fs');
      const sha256 = (name) => createHash('sha256').update(readFileSync('/data/chunks/' + name)).digest('hex');
      console.log(JSON.stringify(readdirSync('/data/chunks')
        .filter((name) => /^[0-9a-f]{64}(\\.[\\d-]+\\.partial)?$/.test(name))
        .map((name) => ({ name, sha256: sha256(name) }))));`;
    const entry = ['--entrypoint', 'node', IMAGES.farmer, '--eval', list];
    return JSON.parse(await docker(['run', '--rm', ...LABEL_OPTIONS, '--volume', `${volume}:/data`, ...entry]));
  }

  /** Runs the farmer's image with these arguments until it exits. */
  async runFarmer(args: readonly string[], copied: { from: string; to: string }): Promise<DockerResult> {
    const network = ['--network', this.#network.getName()];
    const id = await docker(['create', ...LABEL_OPTIONS, ...network, IMAGES.farmer, ...args]);
    try {
      await docker(['cp', copied.from, `${id}:${copied.to}`]);
      return await tryDocker(['start', '--attach', id]);
    } finally {
      await docker(['rm', '--force', '--volumes', id]);
    }
  }

  async logs(): Promise<string> {
    return (await Promise.all(this.#services.map((service) => service.logs()))).join('\n');
  }

  async remove(): Promise<void> {
    await Promise.all(this.#services.map((service) => service.remove()));
    if (this.#volumes.length > 0) await docker(['volume', 'rm', ...this.#volumes]);
    for (const link of this.#links) await docker(['network', 'rm', link]);
    await this.#network.stop();
  }

  /** Applies the restrictions of docker-compose.yml. The engine's health checks would take CPU from the farms. */
  #restrict<Container extends GenericContainer>(container: Container): Container {
    return container
      .withLabels(LABEL)
      .withHealthCheck({ test: ['CMD', 'node', '--version'], interval: NEVER_MS })
      .withNetwork(this.#network)
      .withDroppedCapabilities('ALL')
      .withSecurityOpt('no-new-privileges:true');
  }

  #track<S extends Service>(service: S): S {
    this.#services.push(service);
    return service;
  }
}
