import type { EffectByKind } from '@downstream/control-api';
import type { Replacement } from './effect.ts';
import { createStatus } from './status.ts';

export const rateLimit: Replacement<'rate_limit'> = (fault, { timeScale }) => {
  const { retryAfterMs = 0 } = fault;
  return createStatus(429, fault, { 'Retry-After': String(Math.ceil(retryAfterMs / 1000 / timeScale)) });
};

/** Counts the requests to one fault in consecutive periods. */
export class RateLimiter {
  #periodStart: number;
  #used = 0;

  constructor(now: number) {
    this.#periodStart = now;
  }

  /** @returns undefined if the request is within the limit, otherwise the time until the next period begins */
  reject({ requests, perMs }: EffectByKind['rate_limit'], now: number): { retryAfterMs: number } | undefined {
    const elapsedMs = now - this.#periodStart;
    if (elapsedMs >= perMs) {
      this.#periodStart = now - (elapsedMs % perMs);
      this.#used = 0;
    }
    if (this.#used >= requests) return { retryAfterMs: this.#periodStart + perMs - now };
    this.#used += 1;
    return undefined;
  }
}
