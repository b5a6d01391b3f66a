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
import { parseStatus, readJson } from './replies.ts';

const MAX_REPLY_BYTES = 64 * 1024;
/** Room for a hundred thousand contracts, each twice in the listing. */
const MAX_LISTING_BYTES = 32 * 1024 * 1024;

/** A node of the prototype generation (`/api/downstream`). */
export class PrototypeNode implements NodePort {
  readonly #http: NodeHttp;

  constructor(http: NodeHttp) {
    this.#http = http;
  }

  async register(address: string, { signal, timeoutMs }: CallOptions = {}): Promise<string> {
    await this.#http.request({
      route: 'connectivity',
      method: 'GET',
      path: buildPath('connectivity', {}),
      maxBytes: MAX_REPLY_BYTES,
      timeoutMs,
      signal,
      read: ({ status }) => {
        if (status >= 400)
          throw new NodeError('http_error', 'connectivity', `the node answered with HTTP ${status}`, { status });
      },
    });
    return await this.#get('new', buildPath('new', { address }), { signal, timeoutMs }, (reply) => {
      const bare = tokenText.safeParse(reply.text.trim());
      if (reply.status === 200 && bare.success) return bare.data;
      return readJson('new', tokenResponse, reply).token;
    });
  }

  async requestContract(token: string, { signal, timeoutMs }: CallOptions = {}): Promise<Offer | undefined> {
    return await this.#http.request({
      route: 'chunk',
      method: 'GET',
      path: buildPath('chunk', { token }),
      maxBytes: MAX_REPLY_BYTES,
      timeoutMs,
      signal,
      read: (reply) => {
        if (parseStatus(reply) === 'no_chunks') return undefined;
        const { file_hash, challenge, interval, secret, url } = readJson('chunk', contractResponse, reply);
        const source = secret === undefined ? { kind: 'url' as const, url } : { kind: 'secret' as const, secret };
        return { id: file_hash, source, challenge, intervalMs: interval };
      },
    });
  }

  async listContracts(token: string, { signal, timeoutMs }: CallOptions = {}): Promise<Listing> {
    return await this.#http.request({
      route: 'due',
      method: 'GET',
      path: buildPath('due', { token }),
      maxBytes: MAX_LISTING_BYTES,
      timeoutMs,
      signal,
      read: (reply) => {
        const { all_contracts, due_contracts } = readJson('due', dueResponse, reply);
        return {
          // One that is challenged runs, whatever else is said of it.
          held: new Set([...all_contracts, ...due_contracts].map(({ hash }) => hash)),
          open: due_contracts.map(({ hash, challenge }) => ({ id: hash, challenge })),
        };
      },
    });
  }

  async answer(
    token: string,
    { id, response }: { id: string; response: string },
    { signal, timeoutMs }: CallOptions = {},
  ): Promise<boolean> {
    return await this.#get(
      'challenge',
      buildPath('challenge', { token, hash: id, response }),
      { signal, timeoutMs },
      (reply) => {
        return readJson('challenge', verdictResponse, reply).status === 'pass';
      },
    );
  }

  async release(token: string, id: string, { signal, timeoutMs }: CallOptions = {}): Promise<void> {
    await this.#http.request({
      route: 'remove',
      method: 'DELETE',
      path: buildPath('remove', { token, hash: id }),
      maxBytes: MAX_REPLY_BYTES,
      timeoutMs,
      signal,
      read: (reply) => readJson('remove', removeResponse, reply),
    });
  }

  async #get<T>(
    route: 'new' | 'challenge',
    path: string,
    { signal, timeoutMs }: CallOptions,
    read: (reply: { status: number; text: string }) => T,
  ): Promise<T> {
    return await this.#http.request({
      route,
      method: 'GET',
      path,
      maxBytes: MAX_REPLY_BYTES,
      timeoutMs,
      signal,
      read,
    });
  }
}
