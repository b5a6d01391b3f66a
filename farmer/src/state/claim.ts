import type { Registry } from './registry.ts';
import { StateError } from './sqlite.ts';

/** The payout address and the nodes that a data directory belongs to. */
export interface Identity {
  readonly address: string;
  readonly nodes: readonly { readonly url: string }[];
}

export interface ClaimOptions {
  /** Whether the one added node is the one removed node at a new URL. */
  readonly nodeMoved: boolean;
}

/** How the registry changes when a farmer with another configuration starts. */
export interface ClaimPlan {
  readonly forgottenIds: readonly number[];
  readonly moved?: { readonly id: number; readonly url: string };
  readonly addedUrls: readonly string[];
}

type KnownNode = Registry['nodes'][number];

/**
 * Checks that a data directory belongs to an identity. Only a node that issued a token binds it: contracts of one node
 * must never be presented to another, and a token is paid at the address that it was issued for. A node that never
 * responded, or that the farmer has exited, can be removed; without any other node, the address can be changed.
 *
 * @param held the number of contracts of each node, by its id
 * @throws StateError `other_identity`
 */
export function planClaim(
  { farm, nodes: known }: Registry,
  held: ReadonlyMap<number, number>,
  { address, nodes }: Identity,
  { nodeMoved }: ClaimOptions,
): ClaimPlan {
  const isBound = ({ id, token, exit_state }: KnownNode) => held.has(id) || (token !== null && exit_state !== 'exited');
  const isConfigured = ({ url }: KnownNode) => nodes.some((node) => node.url === url);
  const hasNewAddress = farm !== undefined && farm.address !== address;
  if (hasNewAddress && known.some(isBound)) {
    throw new StateError(
      'other_identity',
      `this data directory belongs to the payout address ${farm.address}, but FARMER_ADDRESS is ${address}: set it back; to change the address, exit all nodes first, which releases all contracts (downstream exit)`,
    );
  }
  // A token of the old address is not used for the new one.
  const kept = hasNewAddress ? [] : known.filter((node) => isConfigured(node) || isBound(node));
  const forgottenIds = known.filter((node) => !kept.includes(node)).map(({ id }) => id);
  const removed = kept.filter((node) => !isConfigured(node));
  const addedUrls = nodes.map(({ url }) => url).filter((url) => !kept.some((node) => node.url === url));
  const [missing] = removed;
  if (missing === undefined) return { forgottenIds, addedUrls };
  const [url] = addedUrls;
  if (nodeMoved && url !== undefined && removed.length === 1 && addedUrls.length === 1)
    return { forgottenIds, moved: { id: missing.id, url }, addedUrls: [] };
  throw new StateError('other_identity', describeMissing(missing, held.get(missing.id) ?? 0));
}

function describeMissing({ url }: KnownNode, contracts: number): string {
  const relation =
    contracts === 0
      ? 'is registered with the node'
      : `has ${contracts} ${contracts === 1 ? 'contract' : 'contracts'} of the node`;
  return `this data directory ${relation} ${url}, which is not in FARMER_NODE_URL: check the URL and add the node again; if the same node has a new URL, start once with --node-moved; to stop using it, exit it first, which releases its contracts (downstream exit --node)`;
}
