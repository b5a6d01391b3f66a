import {
  checkGenesisSettings,
  findUnknownVariables,
  getUsedNames,
  listSettings,
  nameSettings,
  parseSettings,
  type SettingListing,
  SettingsError,
  type SettingsInput,
  type UnknownVariable,
  type Values,
} from '@downstream/platform';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { readConfigFile } from './config-file.ts';
import type { NodeApi } from './farming/ports.ts';
import { readHistory } from './history-file.ts';
import { findIdentity, type Identity, readIdentityFile } from './identity.ts';
import type { NetworkSettings } from './node/network.ts';
import { SETTINGS, toAlias } from './settings.ts';

export interface NodeConfig {
  /** Name of the node in metrics and logs; unique. */
  readonly alias: string;
  readonly url: string;
  /** The API it is asked for; undefined: it is detected. */
  readonly api?: NodeApi | undefined;
  /** Share of the capacity; the shares of all nodes add up to 1. */
  readonly share: number;
}

interface DiskConfig {
  readonly path: string;
  /** Capacity for chunks. */
  readonly sizeBytes: number;
}

type ParsedSettings = Values<typeof SETTINGS>;

export interface FarmerConfig
  extends Omit<
    ParsedSettings,
    'proxyUrlFile' | 'tokenFile' | 'identityPath' | 'nodes' | 'nodeAliases' | 'apis' | 'folders' | 'size'
  > {
  /** What proves to nodes who owns the address; its signature is verified. */
  readonly identity?: Identity | undefined;
  readonly nodes: readonly [NodeConfig, ...NodeConfig[]];
  readonly disks: readonly [DiskConfig, ...DiskConfig[]];
  /** Folder of the first disk, which also holds the state and the genesis file. */
  readonly dataDir: string;
}

/** Configuration of the commands that need only the data directory: `scrub`, `exit`, `backup` and `explain`. */
export type CommandConfig = Pick<FarmerConfig, 'dataDir'>;

const DEFAULT_SIZE = 256 * 1024 * 1024;

/**
 * Reads the farmer's configuration.
 *
 * @param input flags by the keys of {@link SETTINGS}, which override the environment, which overrides the file
 * @throws SettingsError with a line for every invalid setting
 */
export function readConfig(input: Partial<SettingsInput> = {}): FarmerConfig {
  const {
    nodes,
    nodeAliases,
    apis,
    folders,
    size,
    proxyUrlFile: _,
    tokenFile: _tokenFile,
    identityPath,
    ...config
  } = parseSettings(SETTINGS, readFarmerInput(input));
  checkGenesisSettings(SETTINGS, config);
  const { address, token } = config;
  if (token !== undefined && nodes.length > 1)
    throw new SettingsError(['FARMER_TOKEN is for one node: for several, use FARMER_HISTORY']);
  const identity = findIdentity(readIdentityFile(identityPath), { address, isRequired: identityPath !== undefined });
  const disks = resolveDisks(folders, size);
  // Chunks of the v1 API may be smaller. A node whose API is not known yet is treated at the start.
  if (config.genesisPath === undefined && apis.includes('prototype')) {
    for (const { path, sizeBytes } of disks) {
      if (sizeBytes >= STANDARD_GENESIS.sizeBytes) continue;
      const name = folders[0].sizeBytes === undefined ? 'FARMER_SIZE' : `FARMER_DATA_DIR: the capacity of ${path}`;
      throw new SettingsError([`${name} must be at least 32MiB, the size of one chunk (got ${sizeBytes} bytes)`]);
    }
  }
  return {
    ...config,
    identity,
    // A trial ends by itself: no contract of another farmer would stay unproved meanwhile.
    init: config.init || config.challengeCount !== undefined,
    nodes: resolveNodes(nodes, { aliases: nodeAliases, apis }),
    disks,
    dataDir: disks[0].path,
  };
}

/** @throws SettingsError when the data directory is invalid; other settings are not read */
export function readCommandConfig(input: Partial<SettingsInput> = {}): CommandConfig {
  const { folders } = parseSettings({ folders: SETTINGS.folders }, readInput(input));
  return { dataDir: folders[0].path };
}

/** @returns the URL of the first node and how to reach it; other settings are not read */
export function readNodeConfig(input: Partial<SettingsInput> = {}): NetworkSettings & { readonly url: string } {
  const { nodes, proxyUrl, noProxy, caFile, sslNoVerify } = SETTINGS;
  const config = parseSettings({ nodes, proxyUrl, noProxy, caFile, sslNoVerify }, readInput(input));
  return { ...config, url: config.nodes[0].url };
}

/** Lists all settings with their effective values, for `downstream config`. */
export function listEffectiveSettings(input: Partial<SettingsInput> = {}): SettingListing[] {
  return listSettings(SETTINGS, readFarmerInput(input));
}

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'];

/** Finds the proxy variables of other programs, which an operator may expect to have an effect. */
export function findProxyVariables(env: SettingsInput['env'] = process.env): string[] {
  return Object.keys(env).filter((name) => env[name] && PROXY_VARIABLES.includes(name.toUpperCase()));
}

const PREFIX = 'FARMER_';

/** Finds environment variables with the prefix `FARMER_` that are not settings, and suggests similar ones. */
export function listUnknownVariables(env: SettingsInput['env'] = process.env): UnknownVariable[] {
  return findUnknownVariables(SETTINGS, PREFIX, env);
}

/** Names the settings in an error message as the operator did. */
export function nameUsedSettings(message: string, input: Partial<SettingsInput>): string {
  return nameSettings(message, SETTINGS, { usedNames: findUsedNames(input), env: input.env ?? process.env });
}

/**
 * The names that an operator has used for settings, by environment variable. An unusable configuration file counts as
 * empty: its error names the file.
 */
export function findUsedNames(input: Partial<SettingsInput> = {}): ReadonlyMap<string, string> {
  try {
    return getUsedNames(SETTINGS, readFarmerInput(input));
  } catch {
    return getUsedNames(SETTINGS, withEnvironment(input));
  }
}

/** Adds the environment of this process, and the configuration file that a flag or a variable names. */
function readInput(given: Partial<SettingsInput>): SettingsInput {
  const { configPath, ...table } = SETTINGS;
  const input = withEnvironment(given);
  const { configPath: path } = parseSettings({ configPath }, input);
  if (path === undefined) return input;
  const source = getUsedNames({ configPath }, input).get(configPath.env) ?? configPath.env;
  return { ...input, file: readConfigFile(path, { table, source }) };
}

/** As {@link readInput}. The node and the address are by default those of the original farmer's files. */
function readFarmerInput(given: Partial<SettingsInput>): SettingsInput {
  const input = readInput(given);
  const { historyPath, identityPath } = SETTINGS;
  const paths = parseSettings({ historyPath, identityPath }, input);
  const identities = readIdentityFile(paths.identityPath);
  const [address] = identities?.entries.keys() ?? [];
  const fromIdentities = address && { address: { text: address, position: identities?.path ?? '' } };
  return { ...input, file: { ...fromIdentities, ...readFromHistory(input, paths.historyPath), ...input.file } };
}

/** The node that was used last, and the address that was used for the node. */
function readFromHistory(input: SettingsInput, path: string | undefined): SettingsInput['file'] {
  if (path === undefined) return {};
  const { last_node: lastNode, nodes: known } = readHistory(path);
  const fromHistory = lastNode ? { nodes: { text: lastNode, position: path } } : {};
  const withNode = { ...input, file: { ...fromHistory, ...input.file } };
  const { nodes } = parseSettings({ nodes: SETTINGS.nodes }, withNode);
  const address = known[nodes[0].url]?.address;
  return { ...fromHistory, ...(address && { address: { text: address, position: path } }) };
}

function withEnvironment({ env = process.env, ...others }: Partial<SettingsInput>): SettingsInput {
  return { ...others, env };
}

function resolveNodes(
  nodes: ParsedSettings['nodes'],
  { aliases, apis }: { readonly aliases: readonly string[]; readonly apis: ParsedSettings['apis'] },
): FarmerConfig['nodes'] {
  const duplicate = nodes.find(({ url }, at) => nodes.findIndex((other) => other.url === url) < at);
  if (duplicate !== undefined) throw new SettingsError([`FARMER_NODE_URL: ${duplicate.url} is listed twice`]);
  const withoutShare = nodes.find(({ share }) => share === 0);
  if (withoutShare !== undefined) {
    throw new SettingsError([`FARMER_NODE_URL: the share of ${withoutShare.url} must be greater than 0 (got "0")`]);
  }
  if (aliases.length > 0 && (aliases.length !== nodes.length || new Set(aliases).size < aliases.length)) {
    throw new SettingsError([
      `FARMER_NODE_ALIAS: expected ${SETTINGS.nodeAliases.allowed} (got "${aliases.join(',')}"; number of nodes: ${nodes.length})`,
    ]);
  }
  if (apis.length > 1 && apis.length !== nodes.length) {
    throw new SettingsError([
      `FARMER_PROTOCOL: expected ${SETTINGS.apis.allowed} (got "${apis.join(',')}"; number of nodes: ${nodes.length})`,
    ]);
  }
  const hosts = nodes.map(({ url }) => toAlias(new URL(url).host));
  const sum = nodes.reduce((total, { share }) => total + share, 0);
  const resolve = ({ url, share }: ParsedSettings['nodes'][0], at: number): NodeConfig => {
    const host = hosts[at] ?? '';
    const alias = aliases[at] ?? (hosts.indexOf(host) === at ? host : `${host.slice(0, 58)}-${at + 1}`);
    const api = apis[at] ?? apis[0];
    return { alias, url, ...(api !== 'auto' && { api }), share: share / sum };
  };
  const [first, ...others] = nodes;
  return [resolve(first, 0), ...others.map((node, at) => resolve(node, at + 1))];
}

function resolveDisks([first, ...others]: ParsedSettings['folders'], size: number | undefined): FarmerConfig['disks'] {
  if (others.length === 0 && first.sizeBytes === undefined) {
    return [{ path: first.path, sizeBytes: size ?? DEFAULT_SIZE }];
  }
  const disks: FarmerConfig['disks'] = [requireCapacity(first), ...others.map(requireCapacity)];
  if (size !== undefined) {
    throw new SettingsError(['FARMER_SIZE and capacities in FARMER_DATA_DIR cannot be combined: remove one of them']);
  }
  const nested = disks.find(({ path }, at) =>
    disks.some((other, place) => place !== at && `${path}/`.startsWith(`${other.path}/`)),
  );
  if (nested !== undefined) {
    throw new SettingsError([
      `FARMER_DATA_DIR: ${nested.path} is listed twice or lies inside another directory; each disk needs a separate one`,
    ]);
  }
  return disks;
}

function requireCapacity({ path, sizeBytes }: ParsedSettings['folders'][0]): DiskConfig {
  if (sizeBytes !== undefined) return { path, sizeBytes };
  throw new SettingsError([
    `FARMER_DATA_DIR: ${path} has no capacity; with several directories each needs one, such as ${path}=500GB`,
  ]);
}
