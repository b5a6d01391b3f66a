import {
  buildPath,
  contractResponse,
  dueResponse,
  removeResponse,
  tokenResponse,
  token as tokenText,
  verdictResponse,
} from '@downstream/protocol';
import { NodeError } from '../farming/errors.ts';
import type { CallOptions, Listing, NodePort, Offer } from '../farming/ports.ts';
import type { NodeHttp } from './node-http.ts';
import { parseResponse, parseStatus } from './responses.ts';

/** Enough for 100,000 contracts that are listed twice each. */
const MAX_LISTING_BYTES = 32 * 1024 * 1024;

/** Client of a node with the prototype API (`/api/downstream`). */
export class PrototypeNode implements NodePort {
  readonly #http: NodeHttp;

  constructor(http: NodeHttp) {
    this.#http = http;
  }

  async register(address: string, options: CallOptions = {}): Promise<string> {
    await this.#http.request({
      ...options,
      route: 'connectivity',
      path: buildPath('connectivity', {}),
      parse: ({ status }) => {
        if (status < 400) return;
        throw new NodeError('http_error', 'connectivity', `the node responded with HTTP ${status}`, { status });
      },
    });
    return await this.#http.request({
      ...options,
      route: 'new',
      path: buildPath('new', { address }),
      parse: (response) => {
        const plainText = tokenText.safeParse(response.text.trim());
        if (response.status === 200 && plainText.success) return plainText.data;
        return parseResponse('new', tokenResponse, response).token;
      },
    });
  }

  async requestContract(token: string, options: CallOptions = {}): Promise<Offer | undefined> {
    return await this.#http.request({
      ...options,
      route: 'chunk',
      path: buildPath('chunk', { token }),
      parse: (response) => {
        if (parseStatus(response) === 'no_chunks') return undefined;
        const { file_hash, challenge, interval, secret, url } = parseResponse('chunk', contractResponse, response);
        const source = secret === undefined ? { kind: 'url' as const, url } : { kind: 'secret' as const, secret };
        return { id: file_hash, source, challenge, intervalMs: interval };
      },
    });
  }

  async listContracts(token: string, options: CallOptions = {}): Promise<Listing> {
    return await this.#http.request({
      ...options,
      route: 'due',
      path: buildPath('due', { token }),
      maxBytes: MAX_LISTING_BYTES,
      parse: (response) => {
        const { all_contracts, due_contracts } = parseResponse('due', dueResponse, response);
        return {
          // A contract with an open challenge is running, even if `all_contracts` omits it.
          held: new Set([...all_contracts, ...due_contracts].map(({ hash }) => hash)),
          open: due_contracts.map(({ hash, challenge }) => ({ id: hash, challenge })),
        };
      },
    });
  }

  async answer(
    token: string,
    { id, response: proof }: { id: string; response: string },
    options: CallOptions = {},
  ): Promise<boolean> {
    return await this.#http.request({
      ...options,
      route: 'challenge',
      path: buildPath('challenge', { token, hash: id, response: proof }),
      parse: (response) => parseResponse('challenge', verdictResponse, response).status === 'pass',
    });
  }

  async release(token: string, id: string, options: CallOptions = {}): Promise<void> {
    await this.#http.request({
      ...options,
      route: 'remove',
      method: 'DELETE',
      path: buildPath('remove', { token, hash: id }),
      parse: (response) => parseResponse('remove', removeResponse, response),
    });
  }
}
