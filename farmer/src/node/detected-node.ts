import type { Logger } from '@downstream/platform';
import type {
  Answer,
  CallOptions,
  Listing,
  ListingOptions,
  NodeApi,
  NodeContract,
  NodePort,
  NodeTraits,
  Offer,
  TokenStorePort,
  Verdict,
} from '../farming/ports.ts';
import { detectApi } from './detect-api.ts';
import type { NodeHttp } from './node-http.ts';

interface DetectedNodeDeps {
  readonly http: NodeHttp;
  readonly clients: Readonly<Record<NodeApi, NodePort>>;
  readonly tokens: Pick<TokenStorePort, 'api' | 'saveApi'>;
  readonly contracts: { readonly size: number };
  readonly log: Logger;
}

/**
 * A node whose API is detected when the farmer connects or registers, unless it is configured. Contracts stay with the
 * API that issued them.
 */
export class DetectedNode implements NodePort {
  readonly #configured: NodeApi | undefined;
  readonly #deps: DetectedNodeDeps;
  #api: NodeApi | undefined;

  /** @param configured undefined: the API is detected */
  constructor(configured: NodeApi | undefined, deps: DetectedNodeDeps) {
    this.#configured = configured;
    this.#deps = deps;
    // An earlier version stored contracts of the prototype API without its name.
    this.#api = deps.tokens.api() ?? (deps.contracts.size > 0 ? 'prototype' : undefined);
  }

  get traits(): NodeTraits {
    return this.#client.traits;
  }

  async connect(options: CallOptions = {}): Promise<void> {
    if (this.#api === undefined) await this.#detect(options);
  }

  /** Another node may run at the same URL by now. */
  async register(address: string, options: CallOptions = {}): Promise<string> {
    await this.#detect(options);
    return await this.#client.register(address, options);
  }

  async requestContracts(
    token: string,
    options: CallOptions & { readonly maxBytes: number },
  ): Promise<readonly Offer[]> {
    return await this.#client.requestContracts(token, options);
  }

  async listContracts(token: string, options?: ListingOptions): Promise<Listing> {
    return await this.#client.listContracts(token, options);
  }

  async answer(token: string, answers: readonly Answer[], options?: CallOptions): Promise<readonly Verdict[]> {
    return await this.#client.answer(token, answers, options);
  }

  async release(token: string, contract: NodeContract, options?: CallOptions): Promise<void> {
    await this.#client.release(token, contract, options);
  }

  async #detect(options: CallOptions): Promise<void> {
    const { http, tokens, log } = this.#deps;
    const api = this.#configured ?? (await detectApi(http, options));
    this.#api = api;
    if (api === tokens.api()) return;
    tokens.saveApi(api);
    log.info('node API selected', { api, detected: this.#configured === undefined });
  }

  get #client(): NodePort {
    return this.#deps.clients[this.#api ?? 'prototype'];
  }
}
