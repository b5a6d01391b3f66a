import type { RequestListener } from 'node:http';
import { type Clock, type HttpServer, type Logger, listen } from '@downstream/platform';

/** Another process may have bound the port in the meantime, and may release it. */
const RETRY_MS = 1_000;

/** Many farmers may run on one machine. */
const CONNECTION_LIMITS = { max: 4_096, maxPerClient: 4_096 };

type State =
  | { readonly name: 'closed' }
  | { readonly name: 'open'; readonly server: HttpServer }
  | {
      /** `stuck`: the port could not be reopened. */
      readonly name: 'refusing' | 'stuck';
      readonly server: HttpServer;
      readonly fault: string;
      readonly reopening: AbortController;
    };

interface ApiListenerDeps {
  readonly log: Pick<Logger, 'error'>;
  readonly sleep: Clock['sleep'];
}

/** The port of the node's API, which can refuse connections for a while. */
export class ApiListener {
  readonly #options: { readonly host: string; readonly port: number };
  readonly #deps: ApiListenerDeps;
  #state: State = { name: 'closed' };

  constructor(options: { readonly host: string; readonly port: number }, deps: ApiListenerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** @throws ListenError */
  async open(handler: RequestListener): Promise<{ readonly url: string; readonly port: number }> {
    const server = await listen(handler, { ...this.#options, setting: 'MOCK_PORT', limits: CONNECTION_LIMITS });
    this.#state = { name: 'open', server };
    return server;
  }

  get isStuck(): boolean {
    return this.#state.name === 'stuck';
  }

  /** Cuts all connections and refuses new ones for `ms`. `fault` is the name of the fault that causes it. */
  refuse(ms: number, fault: string): void {
    if (this.#state.name === 'closed') return;
    const { server } = this.#state;
    server.stopListening();
    this.#reopenIn(ms, { name: 'refusing', server, fault });
  }

  /** Accepts connections again now if this fault caused the refusal. */
  stopRefusing(fault: string): void {
    if ('fault' in this.#state && this.#state.fault === fault) this.#reopenIn(0, this.#state);
  }

  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { name: 'closed' };
    if ('reopening' in state) state.reopening.abort();
    if (state.name !== 'closed') await state.server.close();
  }

  #reopenIn(ms: number, next: Pick<Extract<State, { fault: string }>, 'name' | 'server' | 'fault'>): void {
    if ('reopening' in this.#state) this.#state.reopening.abort();
    const reopening = new AbortController();
    this.#state = { ...next, reopening };
    this.#deps.sleep(ms, reopening.signal).then(
      () => this.#reopen(next),
      () => {},
    );
  }

  async #reopen({ server, fault }: { server: HttpServer; fault: string }): Promise<void> {
    const before = this.#state;
    try {
      await server.startListening();
      if (this.#state === before) this.#state = { name: 'open', server };
    } catch (error) {
      if (this.#state !== before) return;
      this.#deps.log.error('port not reopened', { error });
      this.#reopenIn(RETRY_MS, { name: 'stuck', server, fault });
    }
  }
}
