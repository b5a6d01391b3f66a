import { hash } from 'node:crypto';
import { chunkOffer } from '@downstream/protocol';
import type { NodeReference } from '../contract/contract.ts';
import { NodeError } from '../farming/errors.ts';
import type { Offer, ReceivedTag, SkipReason } from '../farming/ports.ts';
import { formatChallenge } from './v1-challenge.ts';

export interface V1OffersOptions {
  readonly nodeUrl: string;
  /** The total size of chunks that was requested. */
  readonly maxBytes: number;
  /** What the tags belong to. */
  readonly heartbeat: Omit<ReceivedTag, 'tag'>;
}

const MAX_OFFERS = 10;
/** No chunk can be generated and proved in less time. */
const MIN_DUE_MS = 1_000;

/** Collects the offers of a response. Tags are not validated here. */
export class V1Offers {
  readonly offers: Offer[] = [];
  readonly skipped = { invalid_contract: 0, invalid_challenge: 0, surplus: 0 };
  readonly #options: V1OffersOptions;
  readonly #references = new Set<NodeReference>();
  #bytes = 0;

  constructor(options: V1OffersOptions) {
    this.#options = options;
  }

  /** Adds an entry of `chunks`. @returns whether the entry is valid */
  readonly add = (entry: unknown): boolean => {
    const { data } = chunkOffer.safeParse(entry);
    const challenge = formatChallenge(data?.challenge);
    if (data === undefined || challenge === undefined || data.due < MIN_DUE_MS) return this.#skip('invalid_contract');
    const { file_hash: reference, seed, size: sizeBytes, due: intervalMs, tag } = data;
    this.#bytes += sizeBytes;
    if (this.#references.has(reference)) return this.#skip('invalid_contract');
    this.#references.add(reference);
    if (this.offers.length === MAX_OFFERS) return this.#skip('surplus');
    const { nodeUrl, heartbeat } = this.#options;
    const id = createContractId(nodeUrl, reference, seed);
    const source = { kind: 'seed', seed } as const;
    this.offers.push({ id, reference, source, sizeBytes, challenge, intervalMs, tag: { ...heartbeat, tag } });
    return true;
  };

  /** @throws NodeError `invalid_response` if the chunks are larger than requested */
  checkSize(): void {
    const { maxBytes } = this.#options;
    if (this.#bytes <= maxBytes) return;
    const message = 'the node offered more bytes of chunks than were requested';
    throw new NodeError('invalid_response', 'v1_chunk', message, { maxBytes });
  }

  #skip(reason: SkipReason): boolean {
    this.skipped[reason] += 1;
    return reason === 'surplus';
  }
}

/** Nodes number their contracts, so the number identifies a contract only together with its node and its seed. */
function createContractId(nodeUrl: string, reference: NodeReference, seed: string): string {
  return hash('sha256', JSON.stringify([nodeUrl, reference, seed]));
}
