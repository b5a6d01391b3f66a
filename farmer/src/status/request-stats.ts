import type { Instant } from '@downstream/platform';
import type { RequestOutcome } from '../node/node-http.ts';

/** Requests to one node since the farmer started. */
export interface RequestSummary {
  readonly total: number;
  readonly failed: number;
  /** Time of the last response, including error responses. */
  readonly lastResponseAt: Instant | undefined;
  readonly lastFailure: { readonly route: string; readonly outcome: string; readonly at: Instant } | undefined;
}

/** Counts requests to one node and keeps the last failure. */
export class RequestStats {
  #summary: RequestSummary = { total: 0, failed: 0, lastResponseAt: undefined, lastFailure: undefined };

  get summary(): RequestSummary {
    return this.#summary;
  }

  record({ route, outcome }: Pick<RequestOutcome, 'route' | 'outcome'>, at: Instant): void {
    const { total, failed, lastResponseAt, lastFailure } = this.#summary;
    const isFailure = outcome !== 'ok';
    // Downloads may come from another server.
    const isResponse = route !== 'download' && outcome !== 'unreachable' && outcome !== 'timeout';
    this.#summary = {
      total: total + 1,
      failed: failed + (isFailure ? 1 : 0),
      lastResponseAt: isResponse ? at : lastResponseAt,
      lastFailure: isFailure ? { route, outcome, at } : lastFailure,
    };
  }
}
