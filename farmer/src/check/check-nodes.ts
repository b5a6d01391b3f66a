import { randomBytes } from 'node:crypto';
import { formatBytes, systemClock } from '@downstream/platform';
import type { FarmerConfig, NodeConfig } from '../config.ts';
import { NodeError } from '../farming/errors.ts';
import { ClockSkew } from '../node/clock-skew.ts';
import type { NetworkOptions } from '../node/connection-pool.ts';
import { detectApi } from '../node/detect-api.ts';
import { NodeHttp } from '../node/node-http.ts';
import { PrototypeNode } from '../node/prototype-node.ts';
import { V1Node } from '../node/v1-node.ts';
import { formatDuration } from '../page/format.ts';
import { type Finding, findingsOf } from './finding.ts';

const TIMEOUT_MS = 10_000;
/** A smaller clock skew has no effect. */
const MAX_SKEW_SECONDS = 5;

interface CheckNodeOptions {
  readonly network: NetworkOptions;
  readonly disks: FarmerConfig['disks'];
  /** The size of chunks of the prototype API. */
  readonly chunkBytes: number;
}

/** Checks that a node responds as the protocol says, and compares its clock. Does not register. */
export async function checkNode(
  { alias, url, api: configured }: NodeConfig,
  { network, disks, chunkBytes }: CheckNodeOptions,
): Promise<Finding[]> {
  const skew = new ClockSkew(systemClock);
  const http = new NodeHttp(url, { network, skew });
  const timeoutMs = TIMEOUT_MS;
  let api = configured;
  let startedAt = performance.now();
  try {
    api ??= await detectApi(http, { timeoutMs });
    const client = api === 'v1' ? new V1Node({ url }, { http }) : new PrototypeNode(http);
    startedAt = performance.now();
    // A node rejects a token that it has not issued.
    await client.listContracts(randomBytes(16).toString('hex'), { asked: [], timeoutMs });
    return [findingsOf('node').error(`${alias}: ${url} accepts any token: check whether it is the URL of a node`)];
  } catch (error) {
    if (!(error instanceof NodeError)) throw error;
    const clock = describeSkew(alias, skew.seconds);
    if (error.code === 'no_token') {
      const ms = Math.round(performance.now() - startedAt);
      const found = findingsOf('node').ok(`${alias}: ${url} serves the ${api} API and responds in ${ms} ms`);
      const tooSmall = api === 'prototype' ? disks.filter(({ sizeBytes }) => sizeBytes < chunkBytes) : [];
      return [found, clock, ...tooSmall.map((disk) => describeCapacity(alias, { ...disk, chunkBytes }))];
    }
    // Some messages say what to do.
    const remedy = error.message.includes(': ') ? '' : ': check the URL, the network and the node';
    return [findingsOf('node').error(`${alias}: ${url}: ${error.message}${remedy}`), clock];
  } finally {
    http.close();
  }
}

function describeCapacity(
  alias: string,
  { path, sizeBytes, chunkBytes }: { path: string; sizeBytes: number; chunkBytes: number },
): Finding {
  return findingsOf('space').error(
    `${path}: the capacity of ${formatBytes(sizeBytes)} is less than one chunk of ${alias} (${formatBytes(chunkBytes)}): raise FARMER_SIZE, or the sizes in FARMER_DATA_DIR`,
  );
}

/** A wrong system clock fails no challenge, but makes the times of pages, logs and certificates wrong. */
function describeSkew(alias: string, seconds: number | undefined): Finding {
  const { ok, warning } = findingsOf('clock');
  if (seconds === undefined) return warning(`${alias}: not compared, because no date was received from the node`);
  const skew = formatDuration(Math.abs(seconds) * 1000);
  return Math.abs(seconds) <= MAX_SKEW_SECONDS
    ? ok(`${alias}: differs by ${skew} from the node's clock`)
    : warning(`${alias}: the node's clock is ${skew} ${seconds > 0 ? 'ahead' : 'behind'}: check both clocks`);
}
