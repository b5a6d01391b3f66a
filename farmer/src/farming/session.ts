import { type Clock, computeBackoffMs, getErrorCode, type Logger, type Random } from '@downstream/platform';
import { NodeError } from './errors.ts';
import type { NodePort, TokenStorePort } from './ports.ts';
import { RepeatedReports } from './repeated-reports.ts';

interface SessionDeps {
  readonly node: Pick<NodePort, 'register'>;
  readonly tokens: TokenStorePort;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const PAUSE = { baseMs: 1_000, capMs: 30_000 };

/** This farmer's standing with its node: a token that is asked for once and kept. */
export class Session {
  readonly #address: string;
  readonly #deps: SessionDeps;
  readonly #denials = new RepeatedReports<'token'>();
  #token: string | undefined;

  constructor({ address }: { address: string }, parts: SessionDeps) {
    this.#address = address;
    this.#deps = parts;
  }

  /** Undefined until the node gave one. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Whether the node denied the token the last time it said anything of it. */
  get isTokenDenied(): boolean {
    return this.#denials.has('token');
  }

  /** The node says that it does not know the token. @param minMs for how long it must say so @returns whether it is believed */
  denied(minMs: number): boolean {
    return this.#denials.heard(['token'], { now: this.#deps.clock.now(), minMs }).length > 0;
  }

  /** The node took the token for a good one, or said nothing of it. */
  resetDenials(): void {
    this.#denials.forget();
  }

  /** Uses the token kept from before, or asks for one until the node gives it, with growing pauses. */
  async open(signal: AbortSignal): Promise<string> {
    this.#token = this.#deps.tokens.token();
    return this.#token ?? (await this.renew(signal));
  }

  /** Asks for a new token until the node gives one. There is none meanwhile: nobody lists what would be taken with the old one. */
  async renew(signal: AbortSignal): Promise<string> {
    const { node, tokens, clock, random, log } = this.#deps;
    this.#token = undefined;
    this.#denials.forget();
    for (let attempt = 1; ; attempt++) {
      try {
        const token = await node.register(this.#address, { signal });
        // Contracts of a token that is lost with this process would be lost with it: one that can't be kept is not used.
        tokens.saveToken(token);
        this.#token = token;
        log.info('connected to the node');
        return token;
      } catch (error) {
        signal.throwIfAborted();
        const { code, retryAfterMs = 0 } = error instanceof NodeError ? error : {};
        // While the circuit is open nothing was asked: then it is asked as soon as it lets somebody through.
        const ownMs = code === 'circuit_open' ? 0 : computeBackoffMs(PAUSE, attempt, random);
        const pauseMs = Math.round(Math.max(ownMs, retryAfterMs));
        log.warn('no token from the node yet', { error, code: getErrorCode(error), attempt, pauseMs });
        await clock.sleep(pauseMs, signal);
      }
    }
  }
}
