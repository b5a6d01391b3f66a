import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { getErrorCode, type SettingsInput } from '@downstream/platform';
import { STANDARD_GENESIS } from '@downstream/protocol';
import { type FarmerConfig, findProxyVariables, listUnknownVariables, readConfig } from '../config.ts';
import { assertLogFileIsWritable } from '../log-file.ts';
import { findUnverifiedNodes, openNetwork } from '../node/network.ts';
import { checkDisks } from './check-disks.ts';
import { checkLimits, readLimits } from './check-limits.ts';
import { checkNode } from './check-nodes.ts';
import { checkPort } from './check-port.ts';
import { checkState } from './check-state.ts';
import { type Finding, findingsOf, toFindings } from './finding.ts';

/** Checks all that a farmer with these settings needs, without starting it. Leaves nothing behind. */
export async function checkFarmer(
  input: Partial<SettingsInput>,
  isFarmerRunning: (config: FarmerConfig) => Promise<boolean>,
): Promise<Finding[]> {
  const { ok } = findingsOf('settings');
  const parsed: FarmerConfig[] = [];
  const invalid = await toFindings('settings', async () => {
    parsed.push(readConfig(input));
    return [];
  });
  const variables = checkVariables(input, parsed[0]);
  const [config] = parsed;
  if (config === undefined) return [...invalid, ...variables];
  const isRunning = await isFarmerRunning(config);
  const settings = await toFindings('settings', async () => {
    await assertLogFileIsWritable(config);
    return await checkGenesis(config);
  });
  let farmId: string | undefined;
  const state = await toFindings('state', async () => {
    if (isRunning) return [findingsOf('state').ok(`a farmer is running in ${config.dataDir}`)];
    const { finding, farmId: found } = await checkState(config);
    farmId = found;
    return [finding];
  });
  const groups = await Promise.all([
    toFindings('node', async () => {
      const network = await openNetwork(config);
      const options = { network, disks: config.disks, chunkBytes: await readChunkBytes(config) };
      return (await Promise.all(config.nodes.map(async (node) => await checkNode(node, options)))).flat();
    }),
    toFindings('folder', async () => await checkDisks(config, farmId)),
    toFindings('port', async () => [await checkPort(config, isRunning)]),
  ]);
  return [
    ...(settings.length > 0 ? settings : [ok(`valid: ${config.nodes.length} nodes, ${config.disks.length} disks`)]),
    ...(config.identity === undefined ? [] : [ok(`the signature of ${config.address} is valid`)]),
    ...variables,
    ...state,
    ...groups.flat(),
    ...checkLimits(readLimits(), config),
  ];
}

function checkVariables({ env }: Partial<SettingsInput>, config: FarmerConfig | undefined): Finding[] {
  const { warning } = findingsOf('settings');
  const proxies = findProxyVariables(env);
  return [
    ...listUnknownVariables(env).map(({ name, didYouMean }) =>
      warning(`${name} is not a setting${didYouMean === undefined ? '' : `: did you mean ${didYouMean}?`}`),
    ),
    ...findUnverifiedNodes(config ?? {}).map(({ url }) =>
      warning(
        `the certificate of ${url} is not verified: remove FARMER_SSL_NO_VERIFY, and use FARMER_CA_FILE to trust a private one`,
      ),
    ),
    ...(proxies.length > 0 && config !== undefined && config.proxyUrl === undefined
      ? [warning(`${proxies.join(', ')} has no effect: use FARMER_PROXY`)]
      : []),
  ];
}

/** The size of the genesis file. An unreadable one is reported with the settings. */
async function readChunkBytes({ genesisPath }: FarmerConfig): Promise<number> {
  const genesis = genesisPath === undefined ? undefined : await stat(genesisPath).catch(() => undefined);
  return genesis?.size ?? STANDARD_GENESIS.sizeBytes;
}

/** Compares the operator's genesis file with its hash. The standard one is generated at the start. */
async function checkGenesis({ genesisPath, genesisSha256 }: FarmerConfig): Promise<Finding[]> {
  if (genesisPath === undefined) return [];
  const { error } = findingsOf('settings');
  try {
    const hash = createHash('sha256');
    await pipeline(createReadStream(genesisPath), hash);
    const actual = hash.digest('hex');
    if (actual === genesisSha256) return [];
    return [
      error(
        `the genesis file ${genesisPath} has the SHA-256 ${actual}, expected ${genesisSha256}: correct FARMER_GENESIS or FARMER_GENESIS_SHA256`,
      ),
    ];
  } catch (failure) {
    return [
      error(
        `the genesis file ${genesisPath} is unreadable (${getErrorCode(failure) ?? 'unknown'}): check FARMER_GENESIS`,
      ),
    ];
  }
}
