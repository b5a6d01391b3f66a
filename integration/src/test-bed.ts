import { randomBytes } from 'node:crypto';
import { MockNodeContainer } from '@downstream/testcontainers';
import { GenericContainer, Network, type StartedNetwork, Wait } from 'testcontainers';
import { type DockerResult, docker, tryDocker } from './docker.ts';
import { GENESIS_PATH, type Genesis, genesisSettings } from './genesis.ts';
import { IMAGES, LABEL, LABEL_OPTIONS, NETWORK_PREFIX } from './images.ts';
import { FARMER_PORT, FarmerService, MockNodeService, type Service } from './service.ts';

interface FarmerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of the standard genesis file. */
  readonly genesis?: Genesis;
  /** Its data directory's; a fresh one of its own without. */
  readonly volume?: string;
  /** How much of a processor it may use. */
  readonly cpus?: number;
  /** Another network, which is its only way to the node: see {@link TestBed.link}. */
  readonly link?: string;
  /** Puts the data directory on a disk of this size, in memory, instead of a volume. */
  readonly diskMiB?: number;
}

/** A file in a data directory's `chunks`. */
interface ChunkFile {
  readonly name: string;
  readonly sha256: string;
}

const NODE_URL = 'http://mock-node:5000';
const LINKED_NODE = 'linked-node';
const LINKED_NODE_URL = `http://${LINKED_NODE}:5000`;
/** A fresh volume is there, and empty. */
const USUAL = {
  FARMER_ADDRESS: '19qVgG8C6eXwKMMyvVegsi3xCsKyk3Z3jV',
  FARMER_NODE_URL: NODE_URL,
  FARMER_INIT: 'true',
};

/** Gives a test a network of its own and, however it ends, takes all away again. Prints the logs of one that failed. */
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

/** A network, and the containers and volumes of one test on it. */
class TestBed {
  readonly #network: StartedNetwork;
  readonly #services: Service[] = [];
  readonly #volumes: string[] = [];
  readonly #links: string[] = [];

  constructor(network: StartedNetwork) {
    this.#network = network;
  }

  /** Starts a mock node, reached by the farmers of this test. @param set what is to be other than usual */
  async mockNode(set: (node: MockNodeContainer) => MockNodeContainer = (node) => node): Promise<MockNodeService> {
    const definition = this.#confined(new MockNodeContainer(IMAGES['mock-node']))
      .withNetworkAliases('mock-node')
      .withInterval(3);
    return this.#keep(new MockNodeService(await set(definition).start()));
  }

  /** Starts a farmer of this test's mock node; it is ready, with a token, when this returns. */
  async farmer({ env = {}, genesis, volume, cpus, link, diskMiB }: FarmerOptions = {}): Promise<FarmerService> {
    const definition = this.#confined(new GenericContainer(IMAGES.farmer))
      .withEnvironment({
        ...USUAL,
        ...(link !== undefined && { FARMER_NODE_URL: LINKED_NODE_URL }),
        ...(genesis && genesisSettings(genesis)),
        ...env,
      })
      .withCopyContentToContainer(genesis ? [{ target: GENESIS_PATH, content: genesis.content, mode: 0o644 }] : [])
      .withExposedPorts(FARMER_PORT)
      .withWaitStrategy(Wait.forHttp(link === undefined ? '/readyz' : '/healthz', FARMER_PORT));
    if (diskMiB !== undefined) definition.withTmpFs({ '/data': `rw,uid=1000,gid=1000,mode=700,size=${diskMiB}m` });
    else definition.withBindMounts([{ source: volume ?? (await this.volume()), target: '/data', mode: 'rw' }]);
    if (cpus !== undefined) definition.withResourcesQuota({ cpu: cpus });
    const farmer = this.#keep(new FarmerService(await definition.start()));
    if (link !== undefined) await farmer.connect(link);
    return farmer;
  }

  /**
   * A network besides the usual one, on which the node has another name. A farmer that knows only this name can be cut from the
   * node, and keeps the port that this machine reaches it by.
   */
  async link(node: MockNodeService): Promise<string> {
    const network = `${NETWORK_PREFIX}${randomBytes(6).toString('hex')}`;
    // One that leads nowhere else: otherwise the engine may have a container's ports published through it.
    await docker(['network', 'create', '--internal', network]);
    this.#links.push(network);
    await node.connect(network, LINKED_NODE);
    return network;
  }

  /** Does something to a data directory, from outside and with every power: what a disk, a backup or a person might do. */
  async onVolume(volume: string, command: string): Promise<void> {
    const entry = ['--user', '0:0', '--entrypoint', 'sh', IMAGES.farmer, '-c', `set -e; cd /data; ${command}`];
    await docker(['run', '--rm', ...LABEL_OPTIONS, '--volume', `${volume}:/data`, ...entry]);
  }

  /** Runs a farmer that is expected not to start, to its end. */
  async runFarmerToExit({ volume, genesis }: { volume: string; genesis: Genesis }): Promise<DockerResult> {
    const env = Object.entries({ ...USUAL, ...genesisSettings(genesis) });
    const options = env.flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const power = ['--cap-drop', 'ALL', '--volume', `${volume}:/data`, '--network', this.#network.getName()];
    return await tryDocker(['run', '--rm', ...LABEL_OPTIONS, ...power, ...options, IMAGES.farmer]);
  }

  /** An empty volume, for a data directory that outlives a container. */
  async volume(): Promise<string> {
    const name = `downstream-integration-${randomBytes(6).toString('hex')}`;
    this.#volumes.push(await docker(['volume', 'create', ...LABEL_OPTIONS, name]));
    return name;
  }

  /** The chunk folder of a data directory, its files hashed by a container that knows nothing of farming. */
  async chunkFiles(volume: string): Promise<ChunkFile[]> {
    const list = `
      const { createHash } = require('node:crypto');
      const { readdirSync, readFileSync } = require('node:fs');
      const sha256 = (name) => createHash('sha256').update(readFileSync('/data/chunks/' + name)).digest('hex');
      console.log(JSON.stringify(readdirSync('/data/chunks').map((name) => ({ name, sha256: sha256(name) }))));`;
    const entry = ['--entrypoint', 'node', IMAGES.farmer, '--eval', list];
    return JSON.parse(await docker(['run', '--rm', ...LABEL_OPTIONS, '--volume', `${volume}:/data`, ...entry]));
  }

  /** Runs the farmer's image with these arguments to its end, on this test's network. */
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

  /** As little power as docker-compose.yml gives. */
  #confined<Container extends GenericContainer>(container: Container): Container {
    return container
      .withLabels(LABEL)
      .withNetwork(this.#network)
      .withDroppedCapabilities('ALL')
      .withSecurityOpt('no-new-privileges:true');
  }

  #keep<S extends Service>(service: S): S {
    this.#services.push(service);
    return service;
  }
}
