import { parseSettings, SettingsError, type SettingsInput as SettingsGiven, type Values } from '@downstream/platform';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { SETTINGS, toAlias } from './settings.ts';

/** A node to farm for. */
export interface NodeConfig {
  /** What people call it; no other node has the same. */
  readonly alias: string;
  readonly url: string;
  /** Its part of the room, of 1. */
  readonly share: number;
}

/** A folder for chunks, and how much of its disk they may take. */
interface DiskConfig {
  readonly path: string;
  readonly sizeBytes: number;
}

type Plain = Omit<Values<typeof SETTINGS>, 'nodes' | 'nodeAliases' | 'folders' | 'size'>;

export interface FarmerConfig extends Plain {
  readonly nodes: readonly [NodeConfig, ...NodeConfig[]];
  readonly disks: readonly [DiskConfig, ...DiskConfig[]];
  /** The first of the disks' folders: state and genesis file are there. */
  readonly dataDir: string;
}

const DEFAULT_SIZE = 256 * 1024 * 1024;

/**
 * Reads the configuration, once.
 *
 * @param flags by the keys of {@link SETTINGS}; they win over the environment
 * @throws SettingsError with a line for everything that is wrong
 */
export function readConfig({ flags, env = process.env }: Partial<SettingsGiven> = {}): FarmerConfig {
  const { nodes, nodeAliases, folders, size, ...config } = parseSettings(SETTINGS, { env, ...(flags && { flags }) });
  if ((config.genesisPath === undefined) !== (config.genesisSha256 === undefined)) {
    const [set, missing] =
      config.genesisPath === undefined
        ? (['genesisSha256', 'genesisPath'] as const)
        : (['genesisPath', 'genesisSha256'] as const);
    throw new SettingsError([
      `${SETTINGS[missing].env} is not set, but ${SETTINGS[set].env} is: give ${SETTINGS[missing].allowed}`,
    ]);
  }
  const disks = resolveDisks(folders, size);
  if (config.genesisPath === undefined) {
    for (const { path, sizeBytes } of disks) {
      if (sizeBytes >= STANDARD_GENESIS.sizeBytes) continue;
      const what = size === undefined && folders.length > 1 ? `the capacity of ${path}` : 'FARMER_SIZE';
      throw new SettingsError([`${what} is ${sizeBytes} bytes: give at least 32MiB, the size of one chunk`]);
    }
  }
  return { ...config, nodes: resolveNodes(nodes, nodeAliases), disks, dataDir: disks[0].path };
}

/** Kubernetes sets variables of this form for a service called farmer. */
const KUBERNETES_VARIABLE = /^FARMER_(SERVICE_|PORT)/;

/** Variables that look like settings of the farmer and are none: typing errors, most often. */
export function findUnknownVariables(env: SettingsGiven['env'] = process.env): string[] {
  const known = new Set<string>(Object.values(SETTINGS).map((setting) => setting.env));
  return Object.keys(env).filter(
    (name) => /^FARMER_/.test(name) && !known.has(name) && !KUBERNETES_VARIABLE.test(name),
  );
}

function resolveNodes(
  given: readonly { url: string; share: number }[],
  aliases: readonly string[],
): FarmerConfig['nodes'] {
  const twice = given.find(({ url }, at) => given.findIndex((other) => other.url === url) < at);
  if (twice !== undefined) throw new SettingsError([`FARMER_NODE_URL has ${twice.url} twice: give each node once`]);
  if (aliases.length > 0 && (aliases.length !== given.length || new Set(aliases).size < aliases.length)) {
    throw new SettingsError([
      `FARMER_NODE_ALIAS is ${JSON.stringify(aliases.join(','))}, for ${given.length} ${given.length === 1 ? 'node' : 'nodes'}: give ${SETTINGS.nodeAliases.allowed}`,
    ]);
  }
  const hosts = given.map(({ url }) => toAlias(new URL(url).host));
  const sum = given.reduce((total, { share }) => total + share, 0);
  const [first, ...others] = given.map(({ url, share }, at): NodeConfig => {
    const host = hosts[at] ?? '';
    const alias = aliases[at] ?? (hosts.indexOf(host) === at ? host : `${host.slice(0, 58)}-${at + 1}`);
    return { alias, url, share: share / sum };
  });
  if (first === undefined) throw new SettingsError([`FARMER_NODE_URL is empty: give ${SETTINGS.nodes.allowed}`]);
  return [first, ...others];
}

function resolveDisks(
  folders: readonly { path: string; sizeBytes?: number }[],
  size: number | undefined,
): FarmerConfig['disks'] {
  const [first, ...others] = folders;
  if (first === undefined) throw new SettingsError([`FARMER_DATA_DIR is empty: give ${SETTINGS.folders.allowed}`]);
  if (others.length === 0 && first.sizeBytes === undefined) {
    return [{ path: first.path, sizeBytes: size ?? DEFAULT_SIZE }];
  }
  const sized = ({ path, sizeBytes }: (typeof folders)[number]): DiskConfig => {
    if (sizeBytes === undefined) {
      throw new SettingsError([
        `FARMER_DATA_DIR has no capacity for ${path}: give one to each folder, as in ${path}=500GB`,
      ]);
    }
    return { path, sizeBytes };
  };
  const disks: FarmerConfig['disks'] = [sized(first), ...others.map(sized)];
  if (size !== undefined) {
    throw new SettingsError([
      `FARMER_SIZE is ${size} bytes, but FARMER_DATA_DIR has a capacity for each folder: leave one of them out`,
    ]);
  }
  const nested = disks.find(({ path }, at) =>
    disks.some((other, place) => place !== at && `${path}/`.startsWith(`${other.path}/`)),
  );
  if (nested !== undefined) {
    throw new SettingsError([
      `FARMER_DATA_DIR has ${nested.path} twice, or inside another: give each disk its own folder`,
    ]);
  }
  return disks;
}
