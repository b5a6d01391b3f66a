import type { Logger } from '@downstream/platform';
import type { FarmerConfig } from './config.ts';
import type { TokenStorePort } from './farming/ports.ts';
import { findToken, readHistory, saveToHistory } from './history-file.ts';

export interface NodeTokensOptions extends Pick<FarmerConfig, 'address' | 'forceNewToken'> {
  readonly url: string;
  /** The token that the operator has given. */
  readonly token?: string | undefined;
  readonly historyPath?: string | undefined;
}

export interface NodeTokensDeps {
  readonly store: TokenStorePort;
  readonly contracts: { readonly size: number };
  /** Receives each token before it is used or stored. */
  readonly remember: (token: string) => void;
  readonly log: Logger;
}

/**
 * The token of one node: the one in the state, unless the operator has given another one or demands a new one. A token
 * with contracts is always kept, because contracts without proofs end. Without one in the state, it is
 * taken from the history file, which also receives each token.
 */
export class NodeTokens implements TokenStorePort {
  readonly #options: NodeTokensOptions;
  readonly #deps: NodeTokensDeps;
  /** Whether the token in the state is not used. */
  #isDiscarded = false;

  private constructor(options: NodeTokensOptions, deps: NodeTokensDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Chooses the token with which the farmer starts. @throws SettingsError if the history file is invalid */
  static open(options: NodeTokensOptions, deps: NodeTokensDeps): NodeTokens {
    const tokens = new NodeTokens(options, deps);
    tokens.#choose();
    tokens.#saveToHistory();
    return tokens;
  }

  token(): string | undefined {
    return this.#isDiscarded ? undefined : this.#deps.store.token();
  }

  saveToken(token: string): void {
    const { store, remember } = this.#deps;
    remember(token);
    store.saveToken(token);
    this.#isDiscarded = false;
    this.#saveToHistory();
  }

  api(): ReturnType<TokenStorePort['api']> {
    return this.#deps.store.api();
  }

  saveApi(api: Parameters<TokenStorePort['saveApi']>[0]): void {
    this.#deps.store.saveApi(api);
  }

  #choose(): void {
    const { store, contracts, remember, log } = this.#deps;
    const { token: given, forceNewToken, historyPath, url, address } = this.#options;
    const stored = store.token();
    if (stored !== undefined) remember(stored);
    const found = historyPath === undefined ? undefined : findToken(readHistory(historyPath), { url, address });
    const wanted = forceNewToken ? undefined : (given ?? stored ?? found);
    if (wanted === stored) return;
    if (stored !== undefined && contracts.size > 0) {
      const setting = forceNewToken ? 'FARMER_FORCENEW' : 'FARMER_TOKEN';
      log.warn('token setting ignored', { setting, contracts: contracts.size });
      return;
    }
    this.#isDiscarded = wanted === undefined;
    if (wanted === undefined) return;
    remember(wanted);
    store.saveToken(wanted);
  }

  /** The state has the token too, so an error is no reason to stop. */
  #saveToHistory(): void {
    const { historyPath: path, url, address } = this.#options;
    const token = this.token();
    if (path === undefined || token === undefined) return;
    try {
      saveToHistory(path, { url, token, address });
    } catch (error) {
      this.#deps.log.warn('history file not written', { path, error });
    }
  }
}
