import { formatBytes } from '@downstream/platform';
import type { WaitReason } from '../contract/waiting.ts';
import type { NodeErrorCode } from '../farming/errors.ts';
import type { DiskStatus, NodeStatus } from './status.ts';

/** What {@link describeWaiting} looks at besides the reason. */
export interface WaitingFacts {
  readonly node: Pick<NodeStatus, 'alias' | 'contracts' | 'bytes'>;
  /** The nodes besides this one. */
  readonly others: readonly Pick<NodeStatus, 'alias' | 'contracts' | 'bytes'>[];
  readonly disks: readonly Pick<DiskStatus, 'path' | 'state' | 'bytes' | 'freeBytes'>[];
  /** FARMER_MIN_FREE. */
  readonly minFreeBytes: number;
  /** How large chunks the last request for contracts allowed; undefined if the node does not offer any size. */
  readonly requestedBytes: number | undefined;
  /** Why the last release of an exit failed. */
  readonly releaseError: NodeErrorCode | undefined;
  /** How many contracts can be proved in time, as measured. */
  readonly capacityEstimate: number | undefined;
}

const NAMES = new Intl.ListFormat('en');
const MORE_CAPACITY = 'increase FARMER_SIZE, or the capacities in FARMER_DATA_DIR';

/** Says in complete sentences why a node gets no more contracts, and what would help. */
export function describeWaiting(reason: WaitReason, facts: WaitingFacts): string {
  const { node, others, capacityEstimate } = facts;
  switch (reason) {
    case 'exiting':
      return describeExit(facts);
    case 'exited':
      return `The farmer has exited this node. To use it again, run downstream exit --node ${node.alias} --cancel.`;
    case 'no_token':
      return `The node has not issued a valid token. Check its URL, the network, and the payout address.${others.length === 0 ? '' : ` Until then, its share of the capacity is reserved (${formatBytes(node.bytes.capacity)}).`}`;
    case 'share_used':
      return describeShare(facts);
    case 'capacity_used':
      return describeOthers(facts);
    case 'no_space':
      return describeDisks(facts);
    case 'too_slow':
      return `More contracts could not be proved in time${capacityEstimate === undefined ? '' : `: the measured speed is enough for about ${capacityEstimate}, and 70 % of that are accepted`}. A faster disk, more workers or longer intervals would help.`;
    case 'generating':
      return `${formatContracts(countGenerating([node, ...others]))} have no chunk yet. More are requested when their chunks are generated.`;
    case 'offers_rejected':
      return 'The last contracts that the node offered were rejected. The log says why: contract rejected.';
    case 'no_offer':
      return `The node had no contract${describeRequest(facts)} at the last request. The farmer keeps asking.`;
    case 'request_failed':
      return 'The last request for a contract failed. The farmer keeps asking.';
    case 'not_stored':
      return 'The state cannot be written. Free space in the first data directory, and check its disk.';
  }
}

function describeExit({ node, releaseError }: WaitingFacts): string {
  const progress = `The farmer exits this node: ${formatContracts(node.contracts.total)} remain. Their part of the capacity becomes free for other nodes as they end.`;
  if (releaseError === undefined) return progress;
  return `${progress} The last release failed (${releaseError.replaceAll('_', ' ')}) and is repeated.`;
}

/** What the last request was limited to. */
function describeRequest({ requestedBytes }: WaitingFacts): string {
  return requestedBytes === undefined ? '' : ` of at most ${formatBytes(requestedBytes)}`;
}

function countGenerating(nodes: readonly Pick<NodeStatus, 'contracts'>[]): number {
  return nodes.reduce((sum, { contracts }) => sum + contracts.generating, 0);
}

function describeShare({ node: { contracts, bytes }, others }: WaitingFacts): string {
  const { used, capacity } = bytes;
  const scope = others.length === 0 ? 'the configured capacity' : "the node's share of the capacity";
  const help = others.length === 0 ? MORE_CAPACITY : `${MORE_CAPACITY}, or its share in FARMER_NODE_URL`;
  const held = `${formatContracts(contracts.total)}, ${formatBytes(used)}`;
  if (contracts.total === 0) return `The node's share of the capacity is less than one contract. To use it, ${help}.`;
  if (used > capacity)
    return `What is held (${held}) is ${formatBytes(used - capacity)} more than ${scope} (${formatBytes(capacity)}). It is kept and proved. To accept more, ${help}.`;
  const rest = used === capacity ? '' : `, except for ${formatBytes(capacity - used)}, too little for another contract`;
  return `All of ${scope} is used (${held})${rest}. To accept more, ${help}.`;
}

function describeOthers({ others }: WaitingFacts): string {
  const excess = others.flatMap(({ alias, bytes: { used, capacity } }) =>
    used > capacity ? `${alias} holds ${formatBytes(used - capacity)} more than its share` : [],
  );
  const cause = excess.length === 0 ? '' : `: ${NAMES.format(excess)}`;
  return `The capacity is used by other nodes${cause}. This node gets contracts as theirs end. To accept some now, ${MORE_CAPACITY}.`;
}

function describeDisks({ disks, minFreeBytes }: WaitingFacts): string {
  const unusable = disks.filter(({ state }) => state !== 'ok');
  const [first, ...others] = disks;
  const hasOnlyReserve = ({ freeBytes }: WaitingFacts['disks'][number]) => (freeBytes ?? 0) <= minFreeBytes;
  // Chunks without tags would be stored on the other disks.
  if (unusable.length === 0 && first !== undefined && hasOnlyReserve(first) && !others.every(hasOnlyReserve))
    return `No more than FARMER_MIN_FREE is free in ${first.path}, which also holds the tags of all chunks. Free some space there.`;
  const isCapacityUsed = ({ bytes, freeBytes }: WaitingFacts['disks'][number]) =>
    (freeBytes ?? 0) - minFreeBytes >= bytes.capacity - bytes.used;
  if (disks.every(isCapacityUsed) && unusable.length === 0)
    return `All of the configured capacity is used, except for what is left on each disk, which is too little for another contract. To accept more, ${MORE_CAPACITY}.`;
  if (unusable.length === 0)
    return 'The disks have less free space than the capacity needs, beside FARMER_MIN_FREE. Free some space, or add a disk.';
  const list = unusable.map(({ path, state }) => `${path} is ${state.replaceAll('_', ' ')}`);
  const help = unusable.every(({ state }) => state === 'full') ? 'Free some space there' : 'Repair or replace it';
  return `No disk can store another chunk: ${NAMES.format(list)}. ${help}, or add a disk.`;
}

function formatContracts(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'contract' : 'contracts'}`;
}
