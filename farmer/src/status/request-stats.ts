import type { Instant } from '@downstream/platform';
import type { RequestOutcome } from '../node/node-http.ts';

/** How asking the node has gone since the process began. */
export interface RequestSummary {
  readonly asked: number;
  readonly failed: number;
  /** When the node last replied, whatever it said. */
  readonly answeredAt: Instant | undefined;
  readonly lastFailure: { readonly route: string; readonly outcome: string; readonly at: Instant } | undefined;
}

/** Counts requests to the node, and keeps the last failure. */
export class RequestStats {
  #summary: RequestSummary = { asked: 0, failed: 0, answeredAt: undefined, lastFailure: undefined };

  get summary(): RequestSummary {
    return this.#summary;
  }

  note({ route, outcome }: Pick<RequestOutcome, 'route' | 'outcome'>, at: Instant): void {
    const { asked, failed, answeredAt, lastFailure } = this.#summary;
    const isFailure = outcome !== 'ok';
    // Chunks may come from elsewhere, and say nothing about the node.
    const isReply = route !== 'download' && outcome !== 'unreachable' && outcome !== 'timeout';
    this.#summary = {
      asked: asked + 1,
      failed: failed + (isFailure ? 1 : 0),
      answeredAt: isReply ? at : answeredAt,
      lastFailure: isFailure ? { route, outcome, at } : lastFailure,
    };
  }
}
